#!lua flags=allow-oom
-- Tell what is known of an id. Renews nothing.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- Returns  {'live', record, dies at (ms)} | {'revoked', tombstone} | {'unknown'}; 0 for a record or tombstone that is no string
-- Writes   nothing

-- What a key holds: false for nothing, and 0 for what is no string.
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value end
  if not string.find(value.err, '^WRONGTYPE') then error(value) end
  return 0
end

local record = read(KEYS[1])
if record then return {'live', record, redis.call('PEXPIRETIME', KEYS[1])} end
local tombstone = read(KEYS[2])
if tombstone then return {'revoked', tombstone} end
return {'unknown'}

#!lua flags=allow-oom
-- Tell what is known of an id. Renews nothing.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- Returns  {'live', record, dies at (ms)} | {'revoked', tombstone} | {'unknown'}
-- Writes   nothing

local record = redis.call('GET', KEYS[1])
if record then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return {'live', record, now + math.max(redis.call('PTTL', KEYS[1]), 0)}
end
local tombstone = redis.call('GET', KEYS[2])
if tombstone then return {'revoked', tombstone} end
return {'unknown'}

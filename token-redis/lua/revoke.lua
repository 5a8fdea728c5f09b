#!lua flags=allow-oom
-- End a token and leave a tombstone.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- ARGV[1]  the remark: who revokes and why    ARGV[2]  how long to keep the tombstone (ms)
-- ARGV[3]  the channel of revocations         ARGV[4]  the token's id
-- Returns  {'revoked'} | {'already_revoked'} | {'unknown'}
-- Writes   the record out, the tombstone in; on a repeat the same tombstone again
-- Tells    whoever listens on the channel; where the role of the caller may not, they learn of it when they ask again
--
-- DEL comes before SET: where the role of the caller has no DEL, the script stops before it has changed anything.
-- The repeat must write: WAIT only waits for what its own connection wrote, so a repeat that changed nothing would be
-- confirmed by replicas that never saw the first revocation.

-- What a key holds: false for nothing, and nothing at all of what is no string.
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value end
  if not string.find(value.err, '^WRONGTYPE') then error(value) end
  return ''
end

-- A tombstone of now, without a record.
local function buried()
  local time = redis.call('TIME')
  return struct.pack('>I8', time[1] * 1000 + math.floor(time[2] / 1000)) .. ARGV[1]
end

local record, tombstone = read(KEYS[1]), read(KEYS[2])
if record then
  local bytes = buried() .. record
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[2], bytes, 'PX', ARGV[2])
  redis.pcall('PUBLISH', ARGV[3], ARGV[4])
  return {'revoked'}
end
if tombstone then
  if tombstone == '' then tombstone = buried() end
  redis.call('SET', KEYS[2], tombstone, 'PX', ARGV[2])
  redis.pcall('PUBLISH', ARGV[3], ARGV[4])
  return {'already_revoked'}
end
return {'unknown'}

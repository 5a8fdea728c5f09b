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

local record = redis.call('GET', KEYS[1])
local tombstone = redis.call('GET', KEYS[2])
if record then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[2], struct.pack('>I8', now) .. ARGV[1] .. record, 'PX', ARGV[2])
  redis.pcall('PUBLISH', ARGV[3], ARGV[4])
  return {'revoked'}
end
if tombstone then
  redis.call('SET', KEYS[2], tombstone, 'PX', ARGV[2])
  redis.pcall('PUBLISH', ARGV[3], ARGV[4])
  return {'already_revoked'}
end
return {'unknown'}

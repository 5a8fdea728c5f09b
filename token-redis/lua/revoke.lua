#!lua flags=allow-oom
-- Revoke a token and leave a tombstone.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- ARGV[1]  the encoded reason: who revokes and why    ARGV[2]  how long to keep the tombstone (ms)
-- ARGV[3]  the channel of revocations         ARGV[4]  the token's id
-- Returns  {'revoked'} | {'already_revoked'} | {'unknown'}
-- Writes   deletes the record, writes the tombstone; a repeat writes the same tombstone again
-- Publishes the id on the channel. If the role of the caller may not publish, caches find out when they ask again
--
-- DEL comes before SET: if the role of the caller may not run DEL, the script stops before it has changed anything.
-- The repeat must write: WAIT waits only for writes of its own connection, so a repeat that wrote nothing would be
-- confirmed by replicas that never received the first revocation.

-- include clock
-- include layout
-- include read
-- include tombstone

local function keep(tombstone)
  redis.call('SET', KEYS[2], tombstone, 'PX', ARGV[2])
  redis.pcall('PUBLISH', ARGV[3], ARGV[4])
end

local record, tombstone = read(KEYS[1]), read(KEYS[2])
if record then
  redis.call('DEL', KEYS[1])
  keep(tombstone_of(record, ARGV[1], clock()))
  return {'revoked'}
end
if tombstone then
  keep(tombstone ~= 0 and tombstone or tombstone_of('', ARGV[1], clock()))
  return {'already_revoked'}
end
return {'unknown'}

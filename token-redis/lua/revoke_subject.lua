#!lua flags=allow-oom
-- Revoke all live tokens of a subject at one moment.
--
-- KEYS[1]  the subject's index    KEYS[2]  the subject's own tombstone
-- KEYS[3…] record and tombstone, in turn, of the tokens that an earlier read of the index returned
-- ARGV[1]  the encoded reason: who revokes and why    ARGV[2]  how long to keep tombstones (ms)
-- ARGV[3]  the channel of revocations
-- ARGV[4…] the ids of KEYS[3…]
-- Returns  {'revoked', id…} | {'changed'} if the index has an id that was not given: read the index again
-- Writes   deletes the records and the index, writes a tombstone for each record
-- Publishes all ids on the channel, in one message: see revoke.lua
--
-- DEL comes before SET: see revoke.lua.
-- The subject's own tombstone is written every time, so that a repeat that finds nothing writes too: see revoke.lua.

-- include clock
-- include layout
-- include read
-- include tombstone

local index, given = KEYS[1], {}
for place = 4, #ARGV do given[ARGV[place]] = true end
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  if not given[id] then return {'changed'} end
end

local now, answer = clock(), {'revoked'}
for place = 4, #ARGV do
  local key, tombstone = KEYS[2 * place - 5], KEYS[2 * place - 4]
  local record = read(key)
  if record then
    redis.call('DEL', key)
    redis.call('SET', tombstone, tombstone_of(record, ARGV[1], now), 'PX', ARGV[2])
    answer[#answer + 1] = ARGV[place]
  end
end
redis.call('DEL', index)
redis.call('SET', KEYS[2], tombstone_of('', ARGV[1], now), 'PX', ARGV[2])
if #answer > 1 then redis.pcall('PUBLISH', ARGV[3], table.concat(answer, '', 2)) end
return answer

#!lua flags=allow-oom
-- Take the ids of dead tokens out of a subject's index.
--
-- KEYS[1]  the subject's index    KEYS[2…] the records of the tokens that an earlier look at the index found
-- ARGV[1…] the ids that go with KEYS[2…]
-- Returns  how many were taken out
-- Writes   the index: dead ids out

local pruned = 0
for place, id in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[place + 1]) == 0 then pruned = pruned + redis.call('ZREM', KEYS[1], id) end
end
return pruned

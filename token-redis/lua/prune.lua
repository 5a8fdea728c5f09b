#!lua flags=allow-oom
-- Remove the ids of expired tokens from a subject's index.
--
-- KEYS[1]  the subject's index    KEYS[2…] the records of the tokens that an earlier read of the index returned
-- ARGV[1…] the ids of KEYS[2…]
-- Returns  how many were removed
-- Writes   the index: removes expired ids

local pruned = 0
for place, id in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[place + 1]) == 0 then pruned = pruned + redis.call('ZREM', KEYS[1], id) end
end
return pruned

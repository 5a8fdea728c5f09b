#!lua flags=allow-oom
-- List the live tokens of a subject at one moment. Renews nothing.
--
-- KEYS[1]  the subject's index    KEYS[2…] the records of the tokens that an earlier read of the index returned
-- ARGV[1…] the ids of KEYS[2…], then the other members of the index
-- Returns  {'listed', now (ms), id, record (0: not a string), expires at (ms; -1 without a TTL), …} |
--          {'changed'} if the index has an id that was not given: read the index again
-- Writes   the index: removes expired ids, unless it must not write

-- include clock
-- include read

local writes = true -- false after without_writing.lua

local index, given = KEYS[1], {}
for _, id in ipairs(ARGV) do given[id] = true end
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  if not given[id] then return {'changed'} end
end

local answer = {'listed', clock()}
for place = 2, #KEYS do
  local id, key = ARGV[place - 1], KEYS[place]
  local record = read(key)
  if record then
    answer[#answer + 1] = id
    answer[#answer + 1] = record
    answer[#answer + 1] = redis.call('PEXPIRETIME', key)
  elseif writes then
    redis.call('ZREM', index, id)
  end
end
return answer

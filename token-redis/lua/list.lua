#!lua flags=allow-oom
-- List the live tokens of a subject at one moment. Renews nothing.
--
-- KEYS[1]  the subject's index    KEYS[2…] the records of the tokens that an earlier look at the index found
-- ARGV[1…] the ids that go with KEYS[2…], then what else the index holds
-- Returns  {'listed', id, record (0: the key holds no string), dies at (ms), …} | {'changed'} when the index has an id that
--          was not given: look again
-- Writes   the index: dead ids out, unless it must not

-- include read

local writes = true -- false behind without_writing.lua

local index, given = KEYS[1], {}
for _, id in ipairs(ARGV) do given[id] = true end
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  if not given[id] then return {'changed'} end
end

local answer = {'listed'}
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

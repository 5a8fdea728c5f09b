#!lua
-- Read the time, and some of a subject's tokens that may have expired, before a token is issued to the subject.
--
-- KEYS[1]  the subject's index
-- ARGV[1]  the maximum number of ids to return
-- Returns  {now (ms), id…}
-- Writes   nothing, but it is not a read-only script: a primary that may not write must refuse it

-- include clock

local answer = {clock()}
for _, id in ipairs(redis.call('ZRANDMEMBER', KEYS[1], ARGV[1])) do answer[#answer + 1] = id end
return answer

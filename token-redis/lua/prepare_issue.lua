#!lua
-- Look at a subject before a token is issued to it: what time it is, and some of its tokens that may have died.
--
-- KEYS[1]  the subject's index
-- ARGV[1]  how many ids to draw at most
-- Returns  {now (ms), id…}
-- Writes   nothing, yet it is no read-only script: a primary that may not write must not be asked for the time either

-- include clock

local answer = {clock()}
for _, id in ipairs(redis.call('ZRANDMEMBER', KEYS[1], ARGV[1])) do answer[#answer + 1] = id end
return answer

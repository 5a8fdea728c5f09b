#!lua flags=no-writes,allow-stale
-- Return which commands the calling user may run. Runs none of them.
--
-- KEYS     none
-- ARGV[…]  one command each, with as many arguments as it needs, separated by spaces
-- Returns  for each command: 1 permitted, 0 not permitted, -1 unknown to this server
-- Writes   nothing
--
-- It decides nothing about tokens, so it may be `no-writes`: replicas run it, too. Do not pass a command with too few
-- arguments: servers before March 2026 read past their end (redis/redis#14843).

local answers = {}
for n, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
  local known, permitted = pcall(redis.acl_check_cmd, unpack(words))
  answers[n] = not known and -1 or permitted and 1 or 0
end
return answers

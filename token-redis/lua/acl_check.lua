#!lua flags=no-writes,allow-stale
-- Tell which commands the user who calls this may run. Runs none of them.
--
-- KEYS     none
-- ARGV[…]  a command each, with as many arguments as it needs, separated by spaces
-- Returns  for each in turn: 1 permitted, 0 not permitted, -1 unknown to this server
-- Writes   nothing
--
-- It decides nothing about tokens, so it may be `no-writes`: replicas answer it too. A command with too few arguments
-- must not come here: servers before March 2026 read past the end of them (redis/redis#14843).

local answers = {}
for n, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
  local known, permitted = pcall(redis.acl_check_cmd, unpack(words))
  answers[n] = not known and -1 or permitted and 1 or 0
end
return answers

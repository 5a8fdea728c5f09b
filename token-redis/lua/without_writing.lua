#!lua flags=no-writes
-- Read at a primary that cannot write to its disk: followed by validate.lua (as a peek), show.lua or list.lua.
--
-- KEYS, ARGV, Returns  as there, with one more argument at the end: how many replicas the topology lists, '' if it lists
--                      none
-- Also returns         an error if this is a replica, or a primary that another one may have replaced
-- Writes               nothing
--
-- These are the only scripts about tokens that may be `no-writes`. A server refuses other scripts if its data may be stale;
-- this one has to check that itself.

do
  local listed, needed = table.remove(ARGV), 0
  local info = redis.call('INFO', 'replication')
  if not string.find(info, 'role:master', 1, true) then
    return redis.error_reply('READONLY it is no primary')
  end
  local connected, heard = 0, 0
  for state, lag in string.gmatch(info, 'slave%d+:[^\r\n]-state=(%a+)[^\r\n]-lag=(%d+)') do
    connected = connected + 1
    if state == 'online' and tonumber(lag) <= 2 then heard = heard + 1 end
  end
  -- If no topology lists replicas, the server's own settings may require some.
  if listed ~= '' then
    needed = tonumber(listed)
  elseif string.find(info, 'min_slaves_good_slaves:', 1, true) then
    needed = math.max(1, connected)
  end
  if heard < needed then
    return redis.error_reply('NOREPLICAS it may have been replaced')
  end
end

#!lua flags=allow-oom
-- Decide for each token whether it counts for its use; renew those that do and slide.
--
-- KEYS[n]     a token's record
-- ARGV[1]     'use', or 'peek' to renew nothing
-- ARGV[2]     grace (ms): how long the caller may answer without asking again; a renewed token outlives its window by it
-- ARGV[2n+1]  check of the subject that is demanded (8 bytes), or '' when any will do
-- ARGV[2n+2]  the permissions that are demanded: for each its bits in 1 byte, the number of nodes in 2, then 16 bytes for
--             the node and for each of its ancestors
-- Returns     for each token: {'active', record, dies at (ms), now (ms)} | {'refused', record} | {'unknown'}
--             'refused' covers a record that cannot be read: the caller reads it again and says why
-- Writes      a record's TTL, when the answer is 'active', the token slides and the use is no peek
--
-- The layout of a record is written down in token-core/src/record/mod.rs.

local HEADER, SCOPE, LONGEST_GRACE = 33, 17, 60000
local peek, grace, now = ARGV[1] == 'peek', tonumber(ARGV[2]), nil

local function covers(record, scopes, needs)
  local at = 1
  while at <= #needs do
    local needed, nodes, path, held = string.byte(needs, at), struct.unpack('>I2', needs, at + 1), {}, 0
    at = at + 3
    for node = at, at + 16 * nodes - 1, 16 do path[string.sub(needs, node, node + 15)] = true end
    at = at + 16 * nodes
    for scope = 0, scopes - 1 do
      local node, permission = struct.unpack('>c16B', record, HEADER + scope * SCOPE + 1)
      if path[node] then held = bit.bor(held, permission) end
    end
    if bit.band(held, needed) ~= needed then return false end
  end
  return true
end

-- A use never brings a token's end nearer: another node's grace may be longer. What no use of any node could have set
-- is set right, a missing TTL too.
local function renew(key, window, left)
  local dies_at = now + math.min(window + grace, left)
  if redis.call('PEXPIREAT', key, dies_at, 'GT') == 1 then return dies_at end
  local later = redis.call('PEXPIRETIME', key)
  if dies_at <= later and later <= now + math.min(window + LONGEST_GRACE, left) then return later end
  redis.call('PEXPIREAT', key, dies_at)
  return dies_at
end

local function judge(key, demanded, needs)
  local record = redis.call('GET', key)
  if not record then return {'unknown'} end
  if #record < HEADER or string.byte(record) ~= 1 then return {'refused', record} end
  local _, flags, _, window, cap, subject, scopes = struct.unpack('>BBBI6I6c8I2', record)
  if #record < HEADER + scopes * SCOPE then return {'refused', record} end
  local slides, capped, full = bit.band(flags, 1) ~= 0, bit.band(flags, 2) ~= 0, bit.band(flags, 4) ~= 0
  if demanded ~= '' and demanded ~= subject then return {'refused', record} end
  if needs ~= '' and not full and not covers(record, scopes, needs) then return {'refused', record} end

  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  -- The key is gone by then, unless somebody took its TTL away: the hard expiry is sealed into the record.
  if capped and cap <= now then return {'refused', record} end
  if not slides then return {'active', record, cap, now} end
  if peek then return {'active', record, redis.call('PEXPIRETIME', key), now} end
  if window <= 0 then return {'refused', record} end
  return {'active', record, renew(key, window, capped and cap - now or math.huge), now}
end

local answers = {}
for n, key in ipairs(KEYS) do answers[n] = judge(key, ARGV[2 * n + 1], ARGV[2 * n + 2]) end
return answers

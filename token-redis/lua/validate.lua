#!lua flags=allow-oom
-- Decide whether a token counts for this use; if it does and slides, renew it.
--
-- KEYS[1]  the token's record
-- ARGV[1]  'use', or 'peek' to renew nothing
-- ARGV[2]  grace (ms): how long the caller may answer without asking again; a renewed token outlives its window by it
-- ARGV[3]  check of the subject that is demanded (8 bytes); '' or nothing when any will do
-- ARGV[4]  the permissions that are demanded, if any are: for each its bits in 1 byte, the number of nodes in 2, then 16
--          bytes for the node and for each of its ancestors
-- Returns  {'active', record, dies at (ms), left of its life (ms), where there is a grace} | {'refused', record}
--          | {'unknown'}; 'refused' covers a record that cannot be read: the caller reads it again and says why
-- Writes   the record's TTL, when the answer is 'active', the token slides and the use is no peek
--
-- The layout of a record is written down in token-core/src/record/mod.rs. This runs at every validation, so it is written
-- in one piece, with as few calls as there can be: TIME is the dearest, and made only where an expiry does not tell the
-- time as well. Numbers are made texts here, which is cheaper than leaving that to redis.call.

local key, use, grace, demanded, needs = KEYS[1], ARGV[1] == 'use', ARGV[2] + 0, ARGV[3] or '', ARGV[4] or ''
local record = redis.call('GET', key)
if not record then return {'unknown'} end

local HEADER, SCOPE, LONGEST_GRACE = 33, 17, 60000
if #record < HEADER then return {'refused', record} end
local version, flags, _, window, cap, subject, scopes = struct.unpack('>BBBI6I6c8I2', record)
if version ~= 1 or #record < HEADER + scopes * SCOPE then return {'refused', record} end
local slides, capped, full = flags % 2 == 1, flags % 4 >= 2, flags % 8 >= 4

if demanded ~= '' and demanded ~= subject then return {'refused', record} end
local at = full and #needs or 0
while at < #needs do
  local needed, nodes, path, held = string.byte(needs, at + 1), struct.unpack('>I2', needs, at + 2), {}, 0
  for node = at + 4, at + 3 + 16 * nodes, 16 do path[string.sub(needs, node, node + 15)] = true end
  at = at + 3 + 16 * nodes
  for scope = 0, scopes - 1 do
    local node, permission = struct.unpack('>c16B', record, HEADER + scope * SCOPE + 1)
    if path[node] then held = bit.bor(held, permission) end
  end
  if bit.band(held, needed) ~= needed then return {'refused', record} end
end

local renews, ttl = slides and use, window + grace
if renews and window <= 0 then return {'refused', record} end
local renewed = renews and redis.call('PEXPIRE', key, string.format('%d', ttl), 'GT') == 1
local dies_at = redis.call('PEXPIRETIME', key)
-- By its hard expiry the key is gone, unless somebody has changed its TTL: the expiry is sealed into the record.
local overdue = capped and (cap < dies_at or dies_at < 0)

local now = dies_at - ttl
if not renewed and (renews or overdue or grace > 0) then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- A use never brings the end nearer: another node's grace may be longer. What no use of any node can have set is set
-- right, a missing TTL too.
if renews and not renewed and (dies_at <= now or now + window + LONGEST_GRACE < dies_at) then
  dies_at = now + ttl
  redis.call('PEXPIREAT', key, string.format('%d', dies_at))
end
if capped and (cap < dies_at or dies_at < 0) then
  -- It is refused and left where it is: an expiry in the past would take away what the caller has to look at.
  if cap <= now then return {'refused', record} end
  if renews then redis.call('PEXPIREAT', key, string.format('%d', cap)) end
  dies_at = cap
end
if grace == 0 then return {'active', record, dies_at} end
return {'active', record, dies_at, dies_at - now}

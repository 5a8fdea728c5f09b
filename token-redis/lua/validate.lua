#!lua flags=allow-oom
-- Decide whether a token counts for this use; if it does and slides, renew it.
--
-- KEYS[1]  the token's record
-- ARGV[1]  'use', or 'peek' to renew nothing
-- ARGV[2]  check of the demanded subject (8 bytes), or '' when any will do
-- ARGV[3…] a demanded permission each: its bits in 1 byte, then 16 bytes for the node and for each of its ancestors
-- Returns  {'active', record, dies at (ms)} | {'refused', record} | {'unknown'}
--          'refused' covers a record that cannot be read: the caller reads it again and says why
-- Writes   the record's TTL, when the answer is 'active', the token slides and the use is no peek
--
-- The layout of a record is written down in token-core/src/record/mod.rs.

local record = redis.call('GET', KEYS[1])
if not record then return {'unknown'} end

local HEADER, SCOPE = 33, 17
if #record < HEADER or string.byte(record) ~= 1 then return {'refused', record} end
local _, flags, _, window, cap, subject, scopes = struct.unpack('>BBBI6I6c8I2', record)
if #record < HEADER + scopes * SCOPE then return {'refused', record} end
local slides, capped, full = bit.band(flags, 1) ~= 0, bit.band(flags, 2) ~= 0, bit.band(flags, 4) ~= 0

local function covers(need)
  local path, held = {}, 0
  for at = 2, #need, 16 do path[string.sub(need, at, at + 15)] = true end
  for scope = 0, scopes - 1 do
    local node, permission = struct.unpack('>c16B', record, HEADER + scope * SCOPE + 1)
    if path[node] then held = bit.bor(held, permission) end
  end
  local needed = string.byte(need)
  return bit.band(held, needed) == needed
end

if ARGV[2] ~= '' and ARGV[2] ~= subject then return {'refused', record} end
for need = 3, #ARGV do
  if not full and not covers(ARGV[need]) then return {'refused', record} end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The key is gone by then, unless somebody took its TTL away: the hard expiry is sealed into the record.
if capped and cap <= now then return {'refused', record} end
if not slides then return {'active', record, cap} end
if ARGV[1] == 'peek' then
  return {'active', record, redis.call('PEXPIRETIME', KEYS[1])}
end
local ttl = capped and math.min(window, cap - now) or window
if ttl <= 0 then return {'refused', record} end
redis.call('PEXPIREAT', KEYS[1], now + ttl)
return {'active', record, now + ttl}

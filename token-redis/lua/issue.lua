#!lua
-- Store a new token's record and start its lifetime.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone    KEYS[3]  the subject's index
-- KEYS[4…] the record of the parent token, if there is one; the entry of the idempotency key, if there is one; then records
--          of some other tokens of the subject, to remove the expired ones from the index
-- ARGV[1]  the record    ARGV[2]  the token's id    ARGV[3]  1 with a parent, else 0
-- ARGV[4]  the fingerprint of the request (16 bytes), '' without an idempotency key    ARGV[5]  how long to keep it (ms)
-- ARGV[6…] the ids of these other tokens
-- Returns  {'issued', expires at (ms)} | {'taken'} (by another record, or revoked meanwhile) | {'late'} (already expired)
--          {'orphan'} if the parent is not live any more
--          {'repeated', id} if the key has issued that token | {'mismatched'} if it was used for another request
--          {'foreign'} if the entry of the idempotency key is not a string
-- Writes   the record with its TTL; the index: adds the new id, removes expired ones; the entry of the idempotency key:
--          fingerprint and id
--
-- A client that did not receive the first answer sends the same call again: it finds its own record and succeeds. If the
-- token was revoked in between, the tombstone prevents the issue.

-- include clock
-- include layout
-- include read

local record, id, index, parents, fingerprint = ARGV[1], ARGV[2], KEYS[3], tonumber(ARGV[3]), ARGV[4]
local once = fingerprint ~= '' and KEYS[4 + parents]
local before = once and read(once)
if before == 0 then return {'foreign'} end
local issued = before and string.sub(before, 17)
if before and string.sub(before, 1, 16) ~= fingerprint then return {'mismatched'} end
if before and issued ~= id then return {'repeated', issued} end

-- A use may change the state of a record, but never its sealed part.
local existing = read(KEYS[1])
local same = existing and existing ~= 0 and string.sub(existing, STATE + 1) == string.sub(record, STATE + 1)
if existing and not same or redis.call('EXISTS', KEYS[2]) == 1 then
  return before and {'repeated', issued} or {'taken'}
end

local _, flags, _, window, cap = struct.unpack(HEAD, record)
local slides, capped = bit.band(flags, SLIDES) ~= 0, bit.band(flags, CAPPED) ~= 0
local now = clock()

local ttl = capped and cap - now or window
if slides then ttl = math.min(ttl, window) end
local dies_at = now + ttl
if existing then
  -- A key whose TTL was removed gets that of a new token. A time in the past would delete the key.
  local kept = redis.call('PEXPIRETIME', KEYS[1])
  if kept < 0 and ttl <= 0 then return {'late'} end
  if kept >= 0 then dies_at = kept end
  redis.call('PEXPIREAT', KEYS[1], dies_at) -- changes nothing, but gives WAIT a write to wait for: see revoke.lua
else
  if parents == 1 and redis.call('EXISTS', KEYS[4]) == 0 then return {'orphan'} end
  if ttl <= 0 then return {'late'} end
end

-- The index comes first: if its key is of another type, the script stops before it has changed anything.
redis.call('ZADD', index, capped and cap or '+inf', id)
if not existing then redis.call('SET', KEYS[1], record, 'PXAT', dies_at) end
if once then redis.call('SET', once, fingerprint .. id, 'PX', ARGV[5]) end

redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
local others = #KEYS - #ARGV
for place = 6, #ARGV do
  if redis.call('EXISTS', KEYS[place + others]) == 0 then redis.call('ZREM', index, ARGV[place]) end
end

-- If all tokens have a hard expiry, the index expires with the last of them.
local latest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
if latest == 'inf' then redis.call('PERSIST', index) else redis.call('PEXPIREAT', index, latest) end
return {'issued', dies_at}

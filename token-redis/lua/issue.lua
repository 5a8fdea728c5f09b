#!lua
-- Keep a new token's record and start its lifetime.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone    KEYS[3]  the subject's index
-- KEYS[4…] the record of the token that issues this one, if there is one; what was issued for the idempotency key, if there
--          is one; then records of some other tokens of the subject, to see whether they have died
-- ARGV[1]  the record    ARGV[2]  the token's id    ARGV[3]  1 with a parent, else 0
-- ARGV[4]  the fingerprint of the request (16 bytes), '' without an idempotency key    ARGV[5]  how long to keep it (ms)
-- ARGV[6…] the ids that go with the last KEYS
-- Returns  {'issued', dies at (ms)} | {'taken'} (by another record, or revoked meanwhile) | {'late'} (it would be dead)
--          {'orphan'} when the token that issues is not live any more
--          {'repeated', id} when the key has issued that token | {'mismatched'} when it was used for another request
--          {'foreign'} when something else than a string stands under the idempotency key
-- Writes   the record with its TTL; the index: the new id in, dead ones out; fingerprint and id under the idempotency key
--
-- A client that lost the first answer sends the same again: it finds its own record and succeeds. If the token was
-- revoked in between, the tombstone keeps it dead.

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

-- The state of a record that has been used is another; what is sealed is the same.
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
  dies_at = redis.call('PEXPIRETIME', KEYS[1])
  redis.call('PEXPIREAT', KEYS[1], dies_at) -- changes nothing, but gives WAIT something to wait for: see revoke.lua
else
  if parents == 1 and redis.call('EXISTS', KEYS[4]) == 0 then return {'orphan'} end
  if ttl <= 0 then return {'late'} end
end

-- The index comes first: if its key holds something else, the script stops before it has changed anything.
redis.call('ZADD', index, capped and cap or '+inf', id)
if not existing then redis.call('SET', KEYS[1], record, 'PXAT', dies_at) end
if once then redis.call('SET', once, fingerprint .. id, 'PX', ARGV[5]) end

redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
local others = #KEYS - #ARGV
for place = 6, #ARGV do
  if redis.call('EXISTS', KEYS[place + others]) == 0 then redis.call('ZREM', index, ARGV[place]) end
end

-- The index dies with the last token that has a hard expiry, unless one of them has none.
local latest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
if latest == 'inf' then redis.call('PERSIST', index) else redis.call('PEXPIREAT', index, latest) end
return {'issued', dies_at}

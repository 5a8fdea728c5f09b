#!lua flags=allow-oom
-- Decide about uses of tokens, and renew sliding tokens whose use is admitted.
--
-- KEYS[n]      a token's record
-- ARGV[1]      'use', or 'peek' to renew nothing
-- ARGV[2]      grace (ms): how long the caller may answer from its cache; a renewed token outlives its window by it
-- ARGV[2n+1]   check of the required subject (8 bytes); '' for any
-- ARGV[2n+2]   the required permissions, '' for none: for each its bits in 1 byte, the number of nodes in 2, then 16 bytes
--              for the node and for each of its ancestors. Both arguments for each token, or for none if nothing is required
-- Returns      a reply for one token, or a list of replies for several. Each begins with a byte for the decision:
--              ACTIVE, then when the token expires, and the time (ms, 6 bytes each; 0 for the time if there is no grace) |
--              NOT_PERMITTED, then which permission is not held, from 1 (2 bytes) | WRONG_SUBJECT | ENDED (its hard expiry
--              has passed) | UNREADABLE | WRONG_TYPE | UNKNOWN. The record follows, except after the last two: the client
--              accepts a refusal only if the seal matches
-- Writes       the record's TTL, if the token slides, is admitted, and the use is not a peek
--
-- This decides as Record::decide of token-core does. It runs at every validation, so its form follows the cost: a call of
-- redis costs as much as a hundred steps, and TIME the most, so it is called once for all tokens, and only if one needs it; a
-- closure costs as much as a call; a list in the reply costs more than a string.

-- include clock
-- include layout
-- include reply

-- The reply about a key that is not a string.
local function wrong_type(failed)
  if not string.find(failed.err, '^WRONGTYPE') then error(failed) end
  return WRONG_TYPE
end

-- The number of the first permission that the scopes of a record do not cover, from 1; nil if they cover all.
local function unmet(scopes, needs)
  local at, number = 1, 0
  while at <= #needs do
    local needed, nodes, node, permission, path, held = nil, nil, nil, nil, {}, 0
    number = number + 1
    needed, nodes, at = struct.unpack('>BI2', needs, at)
    for _ = 1, nodes do
      node, at = struct.unpack('c16', needs, at)
      path[node] = true
    end
    local scope = 1
    while scope <= #scopes do
      node, permission, scope = struct.unpack('c16B', scopes, scope)
      if path[node] then held = bit.bor(held, permission) end
    end
    if bit.band(held, needed) ~= needed then return number end
  end
end

local LONGEST_GRACE = 60000
local call, look, unpack, pack, format = redis.call, redis.pcall, struct.unpack, struct.pack, string.format
local use, grace, demands = ARGV[1] == 'use', ARGV[2] + 0, #ARGV > 2
local now = grace > 0 and clock() or nil
local asked_at = now or 0

local replies = {}
for n, key in ipairs(KEYS) do
  local record, reply = look('GET', key), nil
  if not record then
    reply = UNKNOWN
  elseif #record < HEAD_END + SEAL then
    -- An error is a table, and its length is 0.
    reply = type(record) == 'string' and UNREADABLE .. record or wrong_type(record)
  else
    local form, flags, kind, window, cap, not_before, scopes = unpack(HEAD, record)
    local slides, capped, full = flags % 2 == 1, flags % 4 > 1, flags > 3
    local last = HEAD_END + SCOPE * scopes
    if form ~= FORM or flags > 7 or kind + not_before ~= 0 or #record < last + SEAL or slides and window == 0 then
      reply = UNREADABLE .. record
    elseif demands then
      local subject, needs = ARGV[2 * n + 1], ARGV[2 * n + 2]
      if subject ~= '' and subject ~= string.sub(record, SUBJECT_FIRST, SUBJECT_LAST) then
        reply = WRONG_SUBJECT .. record
      elseif needs ~= '' and not full then
        local number = unmet(string.sub(record, HEAD_END + 1, last), needs)
        reply = number and NOT_PERMITTED .. pack('>I2', number) .. record
      end
    end

    local renews, till, ends_at = not reply and use and slides, cap, nil
    if renews then
      now = now or clock()
      if not capped or now < cap then
        till = now + window + grace
        if capped and cap < till then till = cap end
        -- A use never shortens the TTL: another node's grace may be longer.
        if call('PEXPIREAT', key, format('%d', till), 'GT') == 1 then ends_at = till end
      end
    end

    if not reply and not ends_at then
      ends_at = call('PEXPIRETIME', key)
      -- At its hard expiry the key is gone, unless its TTL was changed from outside: the expiry is sealed into the record. The
      -- token is refused, and the key stays for examination; if it has no TTL, it gets one minute.
      local overdue = capped and (cap < ends_at or ends_at < 0)
      if overdue or slides then now = now or clock() end
      local impossible = slides and (ends_at <= now or now + window + LONGEST_GRACE < ends_at)
      if capped and (overdue or renews) and cap <= now then
        reply = ENDED .. record
        if use and ends_at < 0 then call('PEXPIREAT', key, format('%d', now + LONGEST_GRACE)) end
      elseif overdue or impossible then
        -- Corrects a TTL that no use of any node can have set, and a missing one. A peek returns the end that a use sets.
        if use then
          call('PEXPIREAT', key, format('%d', till))
        else
          till = slides and now + window or cap
          if capped and cap < till then till = cap end
        end
        ends_at = till
      end
    end
    reply = reply or ACTIVE .. pack('>I6I6', ends_at, asked_at) .. record
  end
  replies[n] = reply
end
if #KEYS == 1 then return replies[1] end
return replies

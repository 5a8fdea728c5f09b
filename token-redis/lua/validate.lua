#!lua flags=allow-oom
-- Decide about uses of tokens; renew those that are admitted and slide.
--
-- KEYS[n]      a token's record
-- ARGV[1]      'use', or 'peek' to renew nothing
-- ARGV[2]      grace (ms): how long the caller may answer without asking again; a renewed token outlives its window by it
-- ARGV[2n+1]   check of the subject that is demanded (8 bytes); '' when any will do
-- ARGV[2n+2]   the permissions that are demanded, '' for none: for each its bits in 1 byte, the number of nodes in 2, then
--              16 bytes for the node and for each of its ancestors. Both for each token, or none where nothing is demanded
-- Returns      a reply for one token, for several a list of replies. Each begins with a byte that says what was decided:
--              ACTIVE, then when the token ends and the time (ms, 6 bytes each; 0 for no end, and without a grace for the
--              time) | NOT_PERMITTED, then which of the permissions is not held, from 1 (2 bytes) | WRONG_SUBJECT | ENDED
--              (its hard expiry has passed) | UNREADABLE | WRONG_TYPE | UNKNOWN; behind it, but for the last two, stands
--              the record: its reader believes a refusal only if the seal fits
-- Writes       the record's TTL, when the token is admitted, slides, and the use is no peek
--
-- This decides as Record::decide of token-core does. It runs at every validation, so it goes by what things cost: a call of
-- redis as much as a hundred steps, TIME most of all, which is made once for all tokens, if one needs it; a function that
-- shares variables as much as a call; a list in the answer more than a text.

-- include clock
-- include layout
-- include reply

-- The reply about a key that holds no string.
local function wrong_type(failed)
  if not string.find(failed.err, '^WRONGTYPE') then error(failed) end
  return WRONG_TYPE
end

-- Which of the needs the scopes of a record do not meet, from 1; nil if they meet all.
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
    -- An error is a table, and as long as nothing.
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
        -- A use never brings the end nearer: another node's grace may be longer.
        if call('PEXPIREAT', key, format('%d', till), 'GT') == 1 then ends_at = till end
      end
    end

    if not reply and not ends_at then
      ends_at = call('PEXPIRETIME', key)
      -- By its hard expiry the key is gone, unless somebody has changed its TTL: the expiry is sealed into the record. The
      -- token is refused and left where it is, for people to look at; without a TTL it gets a minute.
      local overdue = capped and (cap < ends_at or ends_at < 0)
      if overdue then now = now or clock() end
      if capped and (overdue or renews) and cap <= now then
        reply = ENDED .. record
        if use and ends_at < 0 then call('PEXPIREAT', key, format('%d', now + LONGEST_GRACE)) end
      elseif use and overdue or renews and (ends_at <= now or now + window + LONGEST_GRACE < ends_at) then
        -- What no use of any node can have set is set right, a missing TTL too.
        call('PEXPIREAT', key, format('%d', till))
        ends_at = till
      elseif overdue then
        ends_at = cap
      elseif ends_at < 0 then
        ends_at = 0
      end
    end
    reply = reply or ACTIVE .. pack('>I6I6', ends_at, asked_at) .. record
  end
  replies[n] = reply
end
if #KEYS == 1 then return replies[1] end
return replies

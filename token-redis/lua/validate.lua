#!lua flags=allow-oom
-- Decide of tokens whether each counts for a use; renew those that do and slide.
--
-- KEYS[n]      a token's record
-- ARGV[1]      'use', or 'peek' to renew nothing
-- ARGV[2]      grace (ms): how long the caller may answer without asking again; a renewed token outlives its window by it
-- ARGV[2n+1]   check of the subject that is demanded (8 bytes); '' when any will do
-- ARGV[2n+2]   the permissions that are demanded, '' for none: for each its bits in 1 byte, the number of nodes in 2, then
--              16 bytes for the node and for each of its ancestors. Both for each token, or none where nothing is demanded
-- Returns      a text, and for several tokens a list of texts: when the token dies (ms), where there is a grace a space and
--              the time (ms), and its record, which begins with no digit | 'refused' and its record | 'unknown' |
--              'unreadable'. 'refused' covers a record that is none: the caller looks at it and says why
-- Writes       the record's TTL, when the token counts, slides, and the use is no peek
--
-- The layout of a record is written down in token-core/src/record/mod.rs. This runs at every validation, so it goes by what
-- things cost: a call of redis as much as a hundred steps, TIME most of all, which is made once for all tokens, where one
-- needs it; a function that shares variables as much as a call; a list in the answer more than a text.

-- In milliseconds.
local function time()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What to tell of a key that holds no string.
local function unreadable(failed)
  if not string.find(failed.err, '^WRONGTYPE') then error(failed) end
  return 'unreadable'
end

-- Whether the scopes of a record give all that is needed.
local function permits(scopes, needs)
  local at = 1
  while at <= #needs do
    local needed, nodes, node, permission, path, held = nil, nil, nil, nil, {}, 0
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
    if bit.band(held, needed) ~= needed then return false end
  end
  return true
end

local HEADER, SCOPE, LONGEST_GRACE = 33, 17, 60000
local call, look, unpack, format = redis.call, redis.pcall, struct.unpack, string.format
local use, grace, demands = ARGV[1] == 'use', ARGV[2] + 0, #ARGV > 2
local now = grace > 0 and time() or nil
local at = now and format(' %d', now) or ''

-- What is to be told of each token.
local told = {}
for n, key in ipairs(KEYS) do
  local record = look('GET', key)
  if not record then
    told[n] = 'unknown'
  elseif #record < HEADER then
    -- An error is a table, and as long as nothing.
    told[n] = type(record) == 'string' and 'refused' .. record or unreadable(record)
  else
    -- Version and flags as one number.
    local form, window, cap, scopes = unpack('>I2xI6I6xxxxxxxxI2', record)
    local slides, capped, last = form % 2 == 1, form % 4 > 1, HEADER + SCOPE * scopes
    local counts = form > 255 and form < 512 and #record >= last and not (slides and window == 0)
    if counts and demands then
      local full, subject, needs = form % 8 > 3, ARGV[2 * n + 1], ARGV[2 * n + 2]
      counts = (subject == '' or subject == string.sub(record, 16, 23))
        and (needs == '' or full or permits(string.sub(record, HEADER + 1, last), needs))
    end

    local renews, till = counts and use and slides, cap
    if renews then
      now = now or time()
      if not capped or now < cap then
        till = now + window + grace
        if capped and cap < till then till = cap end
        local text = format('%d', till)
        -- A use never brings the end nearer: another node's grace may be longer.
        if call('PEXPIREAT', key, text, 'GT') == 1 then told[n] = text .. at .. record end
      end
    end

    if counts and not told[n] then
      local dies_at = call('PEXPIRETIME', key)
      -- By its hard expiry the key is gone, unless somebody has changed its TTL: the expiry is sealed into the record. The
      -- token is refused and left where it is, for the caller to look at; without a TTL it gets a minute.
      local overdue = capped and (cap < dies_at or dies_at < 0)
      if overdue then now = now or time() end
      counts = not (capped and (overdue or renews) and cap <= now)
      if not counts then
        if use and dies_at < 0 then call('PEXPIREAT', key, format('%d', now + LONGEST_GRACE)) end
      elseif use and overdue or renews and (dies_at <= now or now + window + LONGEST_GRACE < dies_at) then
        -- What no use of any node can have set is set right, a missing TTL too.
        call('PEXPIREAT', key, format('%d', till))
        dies_at = till
      elseif overdue then
        dies_at = cap
      end
      told[n] = format('%d', dies_at) .. at .. record
    end
    if not counts then told[n] = 'refused' .. record end
  end
end
if #KEYS == 1 then return told[1] end
return told

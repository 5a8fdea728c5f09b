#!lua flags=allow-oom
-- Decide of tokens whether each counts for a use; renew those that do and slide.
--
-- KEYS[n]      a token's record
-- ARGV[1]      'use', or 'peek' to renew nothing
-- ARGV[2]      grace (ms): how long the caller may answer without asking again; a renewed token outlives its window by it
-- ARGV[2n+1]   check of the subject that is demanded (8 bytes); '' or nothing when any will do
-- ARGV[2n+2]   the permissions that are demanded, if any are: for each its bits in 1 byte, the number of nodes in 2, then
--              16 bytes for the node and for each of its ancestors
-- Returns      the time (ms) where it had to be known, which it has where there is a grace; then two for each token:
--              when it dies (ms) and its record | 'refused' and its record | 'unknown' and nothing | 'unreadable' and nothing.
--              'refused' covers a record that is none: the caller looks at it and says why
-- Writes       the record's TTL, when the token counts, slides, and the use is no peek
--
-- The layout of a record is written down in token-core/src/record/mod.rs. This runs at every validation, so that each call
-- of redis counts: TIME is the dearest one, and made once for all tokens, where one needs it. Numbers are made texts here,
-- which costs less than leaving it to redis.call.

local HEADER, SCOPE, LONGEST_GRACE = 33, 17, 60000
local use, grace, now = ARGV[1] == 'use', ARGV[2] + 0, nil

local function time()
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return now
end

-- Whether the scopes in a record give all that is needed.
local function permits(record, scopes, needs)
  local at = 0
  while at < #needs do
    local needed, nodes, path, held = string.byte(needs, at + 1), struct.unpack('>I2', needs, at + 2), {}, 0
    for node = at + 4, at + 3 + 16 * nodes, 16 do path[string.sub(needs, node, node + 15)] = true end
    at = at + 3 + 16 * nodes
    for scope = 0, scopes - 1 do
      local node, permission = struct.unpack('>c16B', record, HEADER + scope * SCOPE + 1)
      if path[node] then held = bit.bor(held, permission) end
    end
    if bit.band(held, needed) ~= needed then return false end
  end
  return true
end

local function decide(key, demanded, needs)
  local record = redis.pcall('GET', key)
  if not record then return 'unknown', false end
  if type(record) ~= 'string' then
    if not string.find(record.err, '^WRONGTYPE') then error(record) end
    return 'unreadable', false
  end
  if #record < HEADER then return 'refused', record end
  local version, flags, _, window, cap, subject, scopes = struct.unpack('>BBBI6I6c8I2', record)
  if version ~= 1 or #record < HEADER + scopes * SCOPE then return 'refused', record end
  local slides, capped, full = flags % 2 == 1, flags % 4 >= 2, flags % 8 >= 4
  if slides and window <= 0 then return 'refused', record end

  if demanded and demanded ~= '' and demanded ~= subject then return 'refused', record end
  if needs and needs ~= '' and not full and not permits(record, scopes, needs) then return 'refused', record end

  local renews, till = use and slides, cap
  if renews and not (capped and cap <= time()) then
    till = time() + window + grace
    if capped and cap < till then till = cap end
    -- A use never brings the end nearer: another node's grace may be longer.
    if redis.call('PEXPIREAT', key, string.format('%d', till), 'GT') == 1 then return till, record end
  end
  local dies_at = redis.call('PEXPIRETIME', key)
  -- By its hard expiry the key is gone, unless somebody has changed its TTL: the expiry is sealed into the record. The
  -- token is refused and left where it is, for the caller to look at; without a TTL it gets a minute.
  local overdue = capped and (cap < dies_at or dies_at < 0)
  if (overdue or renews and capped) and cap <= time() then
    if use and dies_at < 0 then redis.call('PEXPIREAT', key, string.format('%d', now + LONGEST_GRACE)) end
    return 'refused', record
  end
  -- What no use of any node can have set is set right, a missing TTL too.
  if renews and (dies_at <= now or now + window + LONGEST_GRACE < dies_at) or use and overdue then
    redis.call('PEXPIREAT', key, string.format('%d', till))
    return till, record
  end
  return overdue and cap or dies_at, record
end

if grace > 0 then time() end
local answers = {}
for n, key in ipairs(KEYS) do
  answers[2 * n], answers[2 * n + 1] = decide(key, ARGV[2 * n + 1], ARGV[2 * n + 2])
end
answers[1] = now or false
return answers

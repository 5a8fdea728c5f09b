#!lua flags=allow-oom
-- Write the TTL of an id's record or tombstone again without a change, so that WAIT has a write to wait for: see revoke.lua.
-- Renews nothing.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- Returns  {'live'} | {'revoked'} | {'unknown'}
-- Writes   the TTL of the record, or of the tombstone, unchanged

-- include read

local LATE = 4102444800000 -- the year 2100

for n, word in ipairs({'live', 'revoked'}) do
  local key = KEYS[n]
  local ends_at = redis.call('PEXPIRETIME', key)
  if ends_at >= 0 then
    redis.call('PEXPIREAT', key, ends_at)
    return {word}
  elseif ends_at == -1 then
    -- The TTL was removed from outside. The next use restores it. A value that is not a string cannot be written again.
    local kept = read(key)
    if kept == 0 then
      redis.call('PEXPIREAT', key, LATE)
      redis.call('PERSIST', key)
    else
      redis.call('SET', key, kept, 'KEEPTTL')
    end
    return {word}
  end
end
return {'unknown'}

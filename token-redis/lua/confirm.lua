#!lua flags=allow-oom
-- Write what is kept of an id once more as it is, so that WAIT has something to wait for: see revoke.lua. Renews nothing.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- Returns  {'live'} | {'revoked'} | {'unknown'}
-- Writes   the time to live of the record, or of the tombstone, as it is

-- include read

local LATE = 4102444800000 -- the year 2100

for n, word in ipairs({'live', 'revoked'}) do
  local key = KEYS[n]
  local ends_at = redis.call('PEXPIRETIME', key)
  if ends_at >= 0 then
    redis.call('PEXPIREAT', key, ends_at)
    return {word}
  elseif ends_at == -1 then
    -- Somebody took its TTL away. The next use sets that right. What is no string cannot be written again as it is.
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

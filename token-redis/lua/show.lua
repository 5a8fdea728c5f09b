#!lua flags=allow-oom
-- Return the record or the tombstone of an id. Renews nothing.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- Returns  {'live', record, expires at (ms; -1 without a TTL), now (ms)} | {'revoked', tombstone} | {'unknown'}; 0 for a
--          record or tombstone that is not a string
-- Writes   nothing

-- include clock
-- include read

local record = read(KEYS[1])
if record then return {'live', record, redis.call('PEXPIRETIME', KEYS[1]), clock()} end
local tombstone = read(KEYS[2])
if tombstone then return {'revoked', tombstone} end
return {'unknown'}

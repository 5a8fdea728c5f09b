#!lua flags=allow-oom
-- Tell what is known of an id. Renews nothing.
--
-- KEYS[1]  the token's record    KEYS[2]  its tombstone
-- Returns  {'live', record, dies at (ms)} | {'revoked', tombstone} | {'unknown'}
-- Writes   nothing

local record = redis.call('GET', KEYS[1])
if record then return {'live', record, redis.call('PEXPIRETIME', KEYS[1])} end
local tombstone = redis.call('GET', KEYS[2])
if tombstone then return {'revoked', tombstone} end
return {'unknown'}

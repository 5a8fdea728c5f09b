-- The tombstone of a revoked record; `record` is 0 or '' if there was no record that is a string. It omits the end of the
-- seal, so that nobody can write the record back.
local function tombstone_of(record, remark, now)
  local kept = type(record) == 'string' and string.sub(record, 1, -1 - SEAL_CUT) or ''
  return struct.pack('>I8', now) .. remark .. kept
end

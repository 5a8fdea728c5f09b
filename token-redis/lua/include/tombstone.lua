-- The tombstone of a record that is revoked; `record` is 0 or '' if there was none that is a string. The end of the seal
-- stays out of it, so that nobody can put the record back.
local function tombstone_of(record, remark, now)
  local kept = type(record) == 'string' and string.sub(record, 1, -1 - SEAL_CUT) or ''
  return struct.pack('>I8', now) .. remark .. kept
end

-- What a key holds: false for nothing, and 0 for what is not a string.
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value end
  if not string.find(value.err, '^WRONGTYPE') then error(value) end
  return 0
end

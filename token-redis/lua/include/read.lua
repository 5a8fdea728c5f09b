-- The value of a key: false if there is none, and 0 if it is not a string.
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value end
  if not string.find(value.err, '^WRONGTYPE') then error(value) end
  return 0
end

#!lua flags=allow-oom
-- Decide about each of several tokens as validate.lua decides about one.
--
-- KEYS[n]     a token's record
-- ARGV[1]     'use' or 'peek', for all    ARGV[2]     grace, for all
-- ARGV[2n+1]  what validate.lua gets as ARGV[3] and
-- ARGV[2n+2]  as ARGV[4]
-- Returns     its answers, in order
-- Writes      what it writes
--
-- The rule itself stands there alone, and is put into its place here before this is sent.

local function validate(KEYS, ARGV)
  -- RULE
end

local answers = {}
for n, key in ipairs(KEYS) do
  answers[n] = validate({key}, {ARGV[1], ARGV[2], ARGV[2 * n + 1], ARGV[2 * n + 2]})
end
return answers

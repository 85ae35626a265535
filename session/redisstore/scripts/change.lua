-- The head of a change, which commits and invalidations have in common.
-- ARGV[1]: "clock not-after id base generation flags limits". The clock is
-- empty but in tests, base empty but in retries, and limits where they are the
-- defaults.

local at, notAfter, id, base, generation, flags, limits =
  match(ARGV[1], '^(%S*) (%S+) (%S+) (%S*) (%S+) (%S*) (.*)$')
notAfter, generation = tonumber(notAfter), tonumber(generation)

local has = {} -- the flags
for flag in string.gmatch(flags, '.') do
  has[flag] = true
end

-- The parts that a commit fills in; an invalidation has none.
local start, signin, renew
local ops, merges = {}, false
local fields, touched = {}, {} -- the attributes' fields, each once

-- Inspect: the whole record for an operator. Nothing is recorded.
-- ARGV: the clock. Reply: that of load.lua, with presented -1, or "absent" and
-- the time.

local r, bad = record(read())
if bad then
  return bad
end
local now = clock(ARGV[1])
if not r or now >= r.expires then
  return 'absent ' .. int(now)
end
return packed('-1 0 ' .. int(now))

-- Invalidate: session.Apply of a change that ends the session.
-- ARGV[2]: the reason. Reply: that of commit.lua.

if r.accessed and not has.P then
  r.accessed = max(r.accessed, now)
end
local previous = r.version
bury(r, id, max(r.n + 1, now), ARGV[2], now)
return done(r, '0', int(r.n), '', previous)

-- Destroy: ends the session of a victim of an index (see index.Victim).
-- ARGV: the clock, the principal, the newest sign-in that is to be ended, the
-- reason, and until when a sign-in of that principal may be on its way.
-- Reply: "ended" if it ended a session of the principal's, else "kept".

local f = read('_w', '_p', '_e')
local r, bad = record(f)
if bad then
  return bad
end
local now, upTo, pending = clock(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[5])
if r and now >= r.expires then
  r = nil
end
local theirs = r and not r.gone and f[12] == ARGV[2] and tonumber(f[13] or 0) <= upTo
local life = min(max(pending - now + 1000, 60000), TOMBSTONE_LIFE)

if r and r.gone then
  -- It must outlast the sign-in.
  if r.expires < pending then
    call('PEXPIRE', key, int(life))
    call('HSET', key, '_i', int(now - r.n + life))
  end
  return 'kept'
elseif r and not theirs and (f[12] or now >= pending) or not r and now >= pending then
  return 'kept'
end

-- The version that the change makes has no write that a client knows.
local n = r and max(r.n + 1, now) or now
local id = 'destroy'
if not r then
  call('DEL', key) -- what has expired
  call('HSET', key, '_f', FORMAT, '_v', int(n) .. '-' .. id, '_g', '1', '_k', rep('\0', 32), '_c', int(now),
    '_i', int(life), '_w', '\n' .. id .. ':0:', '_z', '0', '_d', ARGV[4])
  call('PEXPIRE', key, int(life))
  return 'kept'
end
r.writes = f[11] or ''
bury(r, id, n, ARGV[4], now)
return theirs and 'ended' or 'kept'

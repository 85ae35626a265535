-- Raises the epoch, which dooms all entries but the excepted one.
-- ARGV: clock, excepted key (- is none), reason.
local now = clock(ARGV[1])
local stored = redis.call('GET', KEYS[2])
if not stored and redis.call('HLEN', KEYS[1]) > 0 then return { 'lost' } end
-- Where both are lost, sessions may be left with numbers ahead of the clock: it
-- falls behind while sign-ins come faster than one in a millisecond.
local old = stored and read_epoch(stored) or not stored and new_epoch(now + 60000)
if not old then return { 'format' } end
local epoch = new_epoch(math.max(old.number + 1, old.last + 1, now))
epoch.number, epoch.reason = epoch.last, ARGV[3]
if ARGV[2] ~= '-' then
  -- What was refused before stays refused, exception or not.
  epoch.except = ARGV[2]
  epoch.floor = old.except == epoch.except and old.floor or old.number
end
if stored then
  redis.call('SET', KEYS[2], write_epoch(epoch), 'KEEPTTL')
else
  redis.call('SET', KEYS[2], write_epoch(epoch))
end
return { 'ok', write_epoch(epoch) }

-- Makes a new epoch if there is none. ARGV: clock, highest number that was
-- seen in the index. Returns the epoch, and 1 if it is new.
local now = clock(ARGV[1])
local stored = redis.call('GET', KEYS[2])
if stored then return { 'ok', stored, '0' } end
stored = write_epoch(new_epoch(math.max(now, ARGV[2] + 1)))
redis.call('SET', KEYS[2], stored)
return { 'ok', stored, '1' }

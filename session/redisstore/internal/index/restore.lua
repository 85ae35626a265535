-- Makes a new epoch if there is none. ARGV: the highest number that was seen.
-- Returns the epoch, and 1 if it is new.
local stored = redis.call('GET', KEYS[2])
if stored then return { 'ok', stored, '0' } end
stored = write_epoch(new_epoch(tonumber(ARGV[1])))
redis.call('SET', KEYS[2], stored)
return { 'ok', stored, '1' }

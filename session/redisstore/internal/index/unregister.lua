-- Takes back a sign-in that was refused. ARGV: key, write ID.
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return { 'ok' } end
local entry = decode(ARGV[1], value)
if not entry then return { 'format' } end
for i, a in ipairs(entry.attempts) do
  if a.write == ARGV[2] then
    table.remove(entry.attempts, i)
    break
  end
end
if #entry.attempts == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], encode(entry))
end
return { 'ok' }

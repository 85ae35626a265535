-- Replaces entries that are as they were seen. ARGV: key, as seen, new value
-- (empty removes), and so on. Returns for each key 1 if it was replaced.
local done = {}
for i = 1, #ARGV, 3 do
  local same = redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1]
  if same and ARGV[i + 2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  elseif same then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  end
  done[#done + 1] = same and 1 or 0
end
return done

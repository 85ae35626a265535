-- Adds a sign-in to the index, unless the principal has too many sessions.
-- ARGV: clock, key, write ID, deadline, absolute limit (0 is none), device,
-- most sessions (0 is no bound), refuse, what the session's entry was when all
-- were examined (empty is never), page, crowd, sample, mark of the evicted.
-- Nothing is written but with the reply ok.
local index, epoch_key = KEYS[1], KEYS[2]
local now, micros = clock(ARGV[1])
local key, write, deadline, absolute = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local device, most, refuse, examined = ARGV[6], tonumber(ARGV[7]), ARGV[8] == '1', ARGV[9]
local page, crowd, sample, evicted = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), ARGV[13]

if now >= deadline + 1000 then return { 'late', integer(now) } end

local before = redis.call('HLEN', index)
local stored = redis.call('GET', epoch_key)
if not stored and before > 0 then return { 'lost' } end
local epoch = stored and read_epoch(stored) or not stored and new_epoch(0)
if not epoch then return { 'format' } end

local value = redis.call('HGET', index, key)
local own = { key = key, mark = '', attempts = {}, number = 0 }
local seen = '-'
if value then
  seen = '+' .. value
  own = decode(key, value)
  if not own then return { 'format' } end
  local reason = doom(epoch, own)
  if reason then return { 'gone', write_epoch(epoch), { key, value } } end
end

local attempt
for _, a in ipairs(own.attempts) do
  if a.write == write then attempt = a end
end
if attempt then
  attempt.deadline = math.max(attempt.deadline, deadline)
else
  epoch.last = math.max(epoch.last + 1, own.number + 1, now)
  attempt = { write = write, number = epoch.last, order = micros, deadline = deadline, device = device }
  table.insert(own.attempts, attempt)
end

local doomed, others, count = {}, {}, before
if not value then count = count + 1 end
if count <= page then
  local all = redis.call('HGETALL', index)
  for i = 1, #all, 2 do
    if all[i] ~= key then
      local entry = decode(all[i], all[i + 1])
      if not entry then return { 'format' } end
      if doom(epoch, entry) then
        table.insert(doomed, entry)
      else
        table.insert(others, entry)
      end
    end
  end
  count = #others + 1
elseif most > 0 and count > most then
  return { 'crowded', seen }
end

local function flat(entries)
  local list = {}
  for _, entry in ipairs(entries) do
    list[#list + 1], list[#list + 2] = entry.key, entry.raw
  end
  return list
end

if most > 0 and count > most then
  -- Nobody is evicted for a session that has itself been ended meanwhile.
  if examined ~= seen then return { 'over', seen, flat(others) } end
  if refuse then return { 'many' } end
  table.sort(others, function(a, b)
    if a.order ~= b.order then return a.order < b.order end
    return a.key < b.key
  end)
  for i = 1, count - most do
    local victim = others[i]
    victim.mark = evicted
    victim.raw = encode(victim)
    redis.call('HSET', index, victim.key, victim.raw)
    table.insert(doomed, victim)
  end
  count = most
end

local look = {}
if before >= crowd then look = redis.call('HRANDFIELD', index, sample, 'WITHVALUES') end
own.raw = encode(own)
redis.call('HSET', index, key, own.raw)
if #own.attempts > 4 then
  look[#look + 1], look[#look + 2] = key, own.raw
end
if stored then
  redis.call('SET', epoch_key, write_epoch(epoch), 'KEEPTTL')
else
  redis.call('SET', epoch_key, write_epoch(epoch))
end

-- Both keys live an hour longer than the session can, and never shorter than
-- they would have.
local life = math.max(absolute - now, 0) + 3600000
local function extend(name, existed)
  local left = existed and redis.call('PTTL', name) or 0
  if absolute == 0 then
    redis.call('PERSIST', name)
  elseif left >= 0 and left < life then
    redis.call('PEXPIRE', name, integer(life))
  end
end
extend(index, before > 0)
extend(epoch_key, stored)

return { 'ok', write_epoch(epoch), flat(doomed), look, integer(attempt.number), integer(count) }

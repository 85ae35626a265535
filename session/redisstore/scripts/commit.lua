-- Commit: session.Apply, but for invalidations.
-- Reply: a verdict in words, with the number of the operation where one is to
-- blame; see accept.lua for the one of success.

if signin and r and r.principal and r.principal ~= signin.principal then
  return 'principal'
end

-- What the change makes, in memory.
if not r then
  r = {fresh = true, version = '', number = '0', n = 0, generation = 1, verifier = start.verifier, writes = '', size = 0,
    created = now, idle = start.idle}
  generation = 1
end
local before, state = {}, {}
for i, field in ipairs(fields) do
  before[field] = not r.fresh and f[13 + i]
  state[field] = not has.C and before[field]
end
for i, op in ipairs(ops) do
  if op.expect ~= nil and op.expect ~= state[op.field] then
    return 'conflict ' .. i
  end
end
local values = {}
for i, op in ipairs(ops) do
  values[i] = ','
  if op.kind == 's' then
    state[op.field] = op.value
  elseif op.kind == 'r' then
    state[op.field] = false
  else
    local value, n = merge(op, state[op.field])
    if value == nil then
      return 'type ' .. i
    end
    state[op.field] = value
    n = tostring(n)
    values[i] = n == '0' and ',' or n .. ','
  end
end
values = table.concat(values)
local size, beyond = sizeWithin(limits, f, r, before, state)
if beyond then
  return beyond
end
local renews = renew and generation == r.generation
if renews then
  local knows = renew.verifier == r.verifier
  for _, s in ipairs(list) do
    knows = knows or renew.verifier == s.verifier
  end
  if knows then
    return 'malformed renewal'
  end
end
local absolute = signin and signin.absolute or start and start.absolute -- nil: as it was
if absolute then
  r.absolute = tonumber(absolute)
end
if r.absolute and now >= r.absolute then
  return 'malformed absolute'
end

-- What is written, the version first: whoever has read it sees that the record
-- is another one.
local previous, n = r.version, now > r.n and nowText or int(r.n + 1)
r.version = n .. '-' .. id
local set, gone = {'_v', r.version, '_w', remember(r, id, values)}, {}
local function put(field, value)
  if value then
    set[#set + 1] = field
    set[#set + 1] = value
  elseif not r.fresh then
    gone[#gone + 1] = field
  end
end
if r.fresh or size ~= r.size then
  put('_z', int(size))
end
for _, field in ipairs(fields) do
  if state[field] ~= before[field] then
    put(field, state[field])
  end
end
if r.fresh then
  put('_f', FORMAT)
  put('_g', '1')
  put('_k', r.verifier)
  put('_c', nowText)
  put('_i', int(r.idle))
elseif r.accessed and not has.P and now > r.accessed then
  r.accessed = now
  put('_a', nowText)
end
if signin then
  put('_p', signin.principal)
  put('_e', signin.epoch)
  put('_t', nowText)
  put('_l', has.L and '1')
  if signin.idle ~= '' then
    r.idle = tonumber(signin.idle)
    put('_i', signin.idle)
  end
end
if absolute then
  put('_x', r.absolute and absolute)
end
settle(list, now)
if renews then
  if signin then
    for _, s in ipairs(list) do
      s.open, s.load = false, nil
    end
  end
  table.insert(list, 1, {verifier = r.verifier, generation = r.generation, open = not signin,
    commit = not has.X and now + RENEWAL_GRACE, signin = signin, names = renew.names})
  list[MAX_SUPERSEDED + 1] = nil
  r.generation, r.verifier = r.generation + 1, renew.verifier
  put('_g', int(r.generation))
  put('_k', r.verifier)
end
if #list > 0 then
  local text = generationsText(list)
  if text ~= r.superseded then
    put('_o', text)
  end
end

-- From here on nothing can fail.
if expired then
  call('DEL', key)
end
call('HSET', key, unpack(set))
if has.C and not r.fresh then
  for _, field in ipairs(call('HKEYS', key)) do
    if sub(field, 1, 1) == '@' and not state[field] then
      gone[#gone + 1] = field
    end
  end
end
for i = 1, #gone, 1000 do
  call('HDEL', key, unpack(gone, i, min(i + 999, #gone)))
end
call('PEXPIRE', key, int(expires(r) - now))
if has.T then
  call('HGET', key, '_v') -- the server tells of a change to who has read since the last one
end
return done(r, '0', n, values, previous)

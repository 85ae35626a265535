-- Whether the record takes the change: the checks of session.Apply up to the
-- operations, in its order.

local now = clock(at)
local nowText = int(now)

-- The reply to a change that is done, now or earlier. n is the version's
-- number if the change made it, else the whole version.
local function done(r, repeated, n, values, previous)
  local renewed = renew and not r.gone and r.generation == generation + 1 and r.verifier == renew.verifier
  return 'ok ' .. (renewed and '1' or '0') .. repeated .. ' ' .. n .. ' ' .. r.generation .. ' ' .. nowText
    .. ' ' .. values .. ' ' .. previous
end

local f = read('_w', '_p', '_z', unpack(fields))
local r, bad = record(f)
if bad then
  return bad
end
local expired = r and now >= r.expires
if expired then
  r = nil
end
local list = {} -- superseded generations
if r then
  r.writes, r.principal, r.size = f[11], f[12], tonumber(f[13])
  if not (r.writes and r.size and find(r.writes, '^\n[^:]+:%-?%d+:')) then
    return 'corrupt bookkeeping'
  end
  list = r.superseded and generations(r.superseded) or {}
  if r.superseded and #list == 0 then
    return 'corrupt _o'
  end

  -- Known by its write ID, or by what its renewal did.
  local n, values = stored(r, id)
  if n then
    return done(r, '1', n, values, '')
  end
  if renew and not r.gone then
    local had = generation + 1 == r.generation and renew.verifier == r.verifier
    for _, s in ipairs(list) do
      had = had or generation + 1 == s.generation and renew.verifier == s.verifier
    end
    if had and merges then
      return 'unknown' -- it was applied, but its values are forgotten
    elseif had then
      return done(r, '1', r.version, rep(',', #ops), '')
    end
  end
end

if now >= notAfter then
  return 'late ' .. nowText
end
if r then
  if has.R and not remembers(r, tonumber(base)) then
    return 'unknown'
  elseif start then
    return 'exists'
  elseif r.gone then
    return 'gone ' .. r.gone
  end
elseif not start then
  return 'absent'
end

-- A request of an older generation needs every window since, and keeps off
-- what sign-ins since have closed: their attributes, privileged ones, and the
-- session as a whole.
if r and generation ~= r.generation then
  if generation > r.generation or signin then
    return 'superseded'
  end
  for g = generation, r.generation - 1 do
    local s
    for _, each in ipairs(list) do
      s = s or each.generation == g and each
    end
    if not s or not windowOpen(s.commit, now) then
      return 'superseded'
    end
    if s.signin then
      if has.C or has.D then
        return 'superseded'
      end
      local names = s.names .. '\t'
      local all = find(names, '\t\t', 1, true)
      for i, op in ipairs(ops) do
        if all or op.privileged or find(names, '\t' .. sub(op.field, 2) .. '\t', 1, true) then
          return 'superseded ' .. i
        end
      end
    end
  end
end

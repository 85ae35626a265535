-- Makes the record a tombstone of version n-id.
-- Nothing in here can fail, but for want of memory at the first write.
local function bury(r, id, n, reason, now)
  local list = r.superseded and generations(r.superseded) or {}
  settle(list, now)
  for _, s in ipairs(list) do
    s.names = ''
  end
  local ring = remember(r, id, '')
  r.n, r.gone = n, reason
  r.version = int(n) .. '-' .. id

  -- What answers retries and verifiers stays, everything else goes.
  local keeps = {_f = true, _v = true, _g = true, _k = true, _o = true, _c = true, _a = true, _i = true, _x = true,
    _w = true, _z = true, _d = true}
  local gone = {}
  for _, field in ipairs(call('HKEYS', key)) do
    if not keeps[field] then
      gone[#gone + 1] = field
    end
  end

  -- The expiry first, because Redis refuses commands that need memory when it
  -- has none, but only as the first write of a script: who wants to be signed
  -- out must get out, and room is made.
  call('PEXPIRE', key, int(expires(r) - now))
  local set = {'_v', r.version, '_d', r.gone, '_w', ring, '_z', '0'}
  if r.accessed then
    set[#set + 1] = '_a'
    set[#set + 1] = int(r.accessed)
  end
  if #list > 0 then
    set[#set + 1] = '_o'
    set[#set + 1] = generationsText(list)
  end
  call('HSET', key, unpack(set))
  for i = 1, #gone, 1000 do
    call('HDEL', key, unpack(gone, i, min(i + 999, #gone)))
  end
end

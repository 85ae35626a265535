-- Limits of the state that a change leaves. What was beyond one before may
-- stay and shrink.

-- How many attributes the record has. Fields of bookkeeping are the others;
-- f are those that were read.
local function count(f)
  local n = call('HLEN', key)
  for i = 1, 13 do
    if f[i] then n = n - 1 end
  end
  for _, value in ipairs(call('HMGET', key, '_e', '_t', '_l')) do
    if value then n = n - 1 end
  end
  return n
end

-- The size of the state, or the reply that refuses it.
local function sizeWithin(limits, f, r, before, state)
  local attributeBytes, sessionBytes, attributes = 65536, 524288, 256
  if limits ~= '' then
    local a, s, n = match(limits, '^(%S+) (%S+) (%S+)$')
    -- 0 is the default.
    attributeBytes = a ~= '0' and tonumber(a) or attributeBytes
    sessionBytes = s ~= '0' and tonumber(s) or sessionBytes
    attributes = n ~= '0' and tonumber(n) or attributes
  end
  for i, op in ipairs(ops) do
    local value, old = state[op.field], before[op.field]
    local n = value and #op.field - 1 + #value
    if n and n > attributeBytes and not (old and #value <= #old) then
      return nil, 'limit a ' .. i .. ' ' .. n .. ' ' .. int(attributeBytes)
    end
  end

  -- Size and number change by the touched attributes; after a Clear they are
  -- all that is left.
  local size, more = has.C and 0 or r.size, 0
  for _, field in ipairs(fields) do
    local value, old = state[field], not has.C and before[field]
    size = size + (value and #field - 1 + #value or 0) - (old and #field - 1 + #old or 0)
    more = more + (value and 1 or 0) - (old and 1 or 0)
  end
  if size > sessionBytes and size > r.size then
    return nil, 'limit s 0 ' .. int(size) .. ' ' .. int(sessionBytes)
  end
  if more > 0 then
    local had = r.fresh and 0 or count(f)
    local n = has.C and more or had + more
    if n > attributes and n > had then
      return nil, 'limit n 0 ' .. int(n) .. ' ' .. int(attributes)
    end
  end
  return size
end

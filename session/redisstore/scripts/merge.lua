-- Merges: operations whose result depends on what is there. Nothing here
-- writes.

-- The value and the result after a counter was added to, nil if it is none or
-- would overflow. A counter is an int64 as strconv.FormatInt writes it, and is
-- added in two parts, high * 1e10 + low, that doubles hold exactly.
local function add(value, n)
  -- Whether both parts, of one sign, are an int64.
  local function whole(high, low)
    return high < 922337203 and high > -922337203
      or high == 922337203 and low <= 6854775807
      or high == -922337203 and low >= -6854775808
  end
  local function parts(s)
    local sign, digits = match(s, '^(%-?)([1-9]%d*)$')
    if not sign then
      return s == '0' and 0 or nil, 0
    end
    local high, low = tonumber(sub(digits, 1, -11)) or 0, tonumber(sub(digits, -10))
    if sign == '-' then
      high, low = -high, -low
    end
    return whole(high, low) and high, low
  end

  local high, low = parts(value)
  if not high then
    return nil
  end
  local high2, low2 = parts(n)
  high, low = high + high2, low + low2
  if low >= 1e10 then
    high, low = high + 1, low - 1e10
  elseif low <= -1e10 then
    high, low = high - 1, low + 1e10
  end
  if high > 0 and low < 0 then
    high, low = high - 1, low + 1e10
  elseif high < 0 and low > 0 then
    high, low = high + 1, low - 1e10
  end
  if not whole(high, low) then
    return nil
  end
  local sign = (high < 0 or low < 0) and '-' or ''
  high, low = math.abs(high), math.abs(low)
  local sum = sign .. (high > 0 and format('%.0f%010.0f', high, low) or int(low))
  return sum, sum
end

-- Where the elements of a list or set begin, nil if the value is none: the
-- byte 0xFF, then each element as its length (unsigned LEB128, in as few bytes
-- as possible) and its bytes.
local function starts(value)
  local byte = string.byte
  if byte(value, 1) ~= 255 then
    return nil
  end
  local list, at, size = {}, 2, #value
  while at <= size do
    local length, unit, i, b = 0, 1, at, byte(value, at)
    while b and b >= 128 and i - at < 9 do
      length, unit, i = length + (b - 128) * unit, unit * 128, i + 1
      b = byte(value, i)
    end
    if not b or b >= 128 or b == 0 and i > at then
      return nil
    end
    length = length + b * unit
    if length > size - i then
      return nil
    end
    list[#list + 1] = at
    at = i + length + 1
  end
  return list
end

-- The list with elements behind it, of which only the last ones are kept if
-- max is not 0, and its length.
local function append(value, elements, most)
  local old, new = starts(value), starts(elements)
  if not old then
    return nil
  end
  local total = #old + #new
  local drop = most > 0 and total - most or 0
  if drop <= 0 then
    return value .. sub(elements, 2), total
  elseif drop < #old then
    return '\255' .. sub(value, old[drop + 1]) .. sub(elements, 2), most
  end
  return '\255' .. sub(elements, new[drop - #old + 1] or #elements + 1), most
end

-- The elements, each with its length in front: equal elements are equal so.
local function elementsOf(value)
  local at = starts(value)
  if not at then
    return nil
  end
  local list = {}
  for i, from in ipairs(at) do
    list[i] = sub(value, from, (at[i + 1] or 0) - 1)
  end
  return list
end

-- The set with elements added or removed, and how many were new or were
-- there. A list with an element twice is no set.
local function change(value, elements, adds)
  local old = elementsOf(value)
  if not old then
    return nil
  end
  local there = {}
  for _, e in ipairs(old) do
    if there[e] then
      return nil
    end
    there[e] = true
  end
  local n, list = 0, {value}
  for _, e in ipairs(elementsOf(elements)) do
    if adds and not there[e] or not adds and there[e] then
      there[e] = adds
      n = n + 1
      list[#list + 1] = e
    end
  end
  if adds then
    return table.concat(list), n
  end
  list = {'\255'}
  for _, e in ipairs(old) do
    if there[e] then
      list[#list + 1] = e
    end
  end
  return table.concat(list), n
end

-- What op makes of a value (false if absent) and the operation's result, or
-- nil if the value is of another kind. The first element makes a list or a
-- set, no element makes none.
local function merge(op, value)
  if op.kind == 'a' then
    return add(value or '0', op.value)
  end
  local next, n
  if op.kind == 'l' then
    next, n = append(value or '\255', op.value, op.max)
  else
    next, n = change(value or '\255', op.value, op.kind == 'u')
  end
  if next == '\255' then
    next = value and next
  end
  return next, n
end

-- What the other scripts share; entry.go and epoch.go say what it means.

-- The server's time in milliseconds and in microseconds. ms, unless 0, is what
-- a test says that it is.
local function clock(ms)
  if ms ~= '0' then return tonumber(ms), tonumber(ms) * 1000 end
  local t = redis.call('TIME')
  local us = t[1] * 1000000 + t[2]
  return math.floor(us / 1000), us
end

local function integer(n) return string.format('%.0f', n) end

local function field(bytes) return #bytes .. ':' .. bytes end

-- The fields of a value, nil if it is not made of fields.
local function fields(value)
  local list, at = {}, 1
  while at <= #value do
    local length, begin = string.match(value, '^(%d+):()', at)
    if not length or begin + length - 1 > #value then return nil end
    list[#list + 1] = string.sub(value, begin, begin + length - 1)
    at = begin + length
  end
  return list
end

-- The entry that a value holds, nil if it holds none that is known here.
local function decode(key, value)
  local list = fields(value)
  if not list or list[1] ~= '1' or #list < 7 or #list % 5 ~= 2 then return nil end
  local entry = { key = key, raw = value, mark = list[2], attempts = {}, number = 0, order = 0 }
  for i = 3, #list, 5 do
    for j = i + 1, i + 3 do
      if not string.match(list[j], '^%d+$') then return nil end
    end
    local a = {
      write = list[i], number = tonumber(list[i + 1]), order = tonumber(list[i + 2]),
      deadline = tonumber(list[i + 3]), device = list[i + 4],
    }
    entry.attempts[#entry.attempts + 1] = a
    if a.number > entry.number then entry.number, entry.order = a.number, a.order end
  end
  return entry
end

local function encode(entry)
  local parts = { field('1'), field(entry.mark) }
  for _, a in ipairs(entry.attempts) do
    parts[#parts + 1] = field(a.write) .. field(integer(a.number)) .. field(integer(a.order))
      .. field(integer(a.deadline)) .. field(a.device)
  end
  return table.concat(parts)
end

-- The epoch that a value holds, nil if it holds none that is known here.
local function read_epoch(value)
  local number, last, except, floor, reason = string.match(value, '^(%d+) (%d+) (%S+) (%d+) (.*)$')
  if not number then return nil end
  return {
    number = tonumber(number), last = tonumber(last), except = except,
    floor = tonumber(floor), reason = reason,
  }
end

local function write_epoch(e)
  return table.concat({ integer(e.number), integer(e.last), e.except, integer(e.floor), e.reason }, ' ')
end

-- An epoch that admits all, after a last sign-in of that number.
local function new_epoch(last)
  return { number = 0, last = last, except = '-', floor = 0, reason = '' }
end

-- Why the session of an entry is to be ended, nil if it is not.
local function doom(epoch, entry)
  if entry.mark ~= '' then return entry.mark end
  if entry.number >= epoch.number then return nil end
  if entry.key == epoch.except and entry.number >= epoch.floor then return nil end
  if epoch.reason ~= '' then return epoch.reason end
  return 'revoked'
end

-- What every script knows of a stored record.
--
-- Scripts are concatenations of files (see scripts.go), which also puts the
-- constants in capitals in front. Each script reads and checks everything
-- before its first write, because Redis takes nothing back: a script that
-- fails half-way leaves half a change.
--
-- Times are Unix milliseconds. Lua's numbers are doubles, whole up to 2^53:
-- enough for times, versions and generations, not for counters (merge.lua).

local call, key = redis.call, KEYS[1]
local find, match, rep, sub, format = string.find, string.match, string.rep, string.sub, string.format
local min, max, floor = math.min, math.max, math.floor

-- All digits of a number; Lua's own conversion keeps 14.
local function int(n)
  return format('%.0f', n)
end

-- The server's clock. Tests bring their own.
local function clock(given)
  if given ~= '' then
    return tonumber(given)
  end
  local t = call('TIME')
  return t[1] * 1000 + floor(t[2] / 1000)
end

-- The fields that every script looks at, and more.
local function read(...)
  return call('HMGET', key, '_f', '_v', '_g', '_k', '_o', '_c', '_a', '_i', '_x', '_d', ...)
end

-- When the record counts as absent: Record.Expires.
local function expires(r)
  if r.gone then
    return r.n + min(max(r.idle, 60000), TOMBSTONE_LIFE)
  end
  -- 1.1 x the idle timeout, in Go at most the longest duration there is.
  local bound = r.idle > 8384883669867 and 9223372036855 or floor(r.idle * 11 / 10)
  local e = r.accessed and r.accessed + bound or r.created + min(bound, UNCONFIRMED_LIFE)
  if r.absolute and r.absolute < e then
    return r.absolute
  end
  return e
end

-- The record that fields of read say, nil if there is none, or nil and the
-- reply to what nobody may touch.
local function record(f)
  if not f[1] then
    if call('EXISTS', key) == 0 then
      return nil
    end
    return nil, 'corrupt _f'
  elseif f[1] ~= FORMAT then
    return nil, 'format ' .. f[1]
  end
  local number = f[2] and match(f[2], '^(%-?%d+)%-.')
  local r = {
    version = f[2], number = number, n = tonumber(number),
    generation = tonumber(f[3]), verifier = f[4], superseded = f[5],
    created = tonumber(f[6]), accessed = tonumber(f[7]), idle = tonumber(f[8]),
    absolute = tonumber(f[9]), gone = f[10],
  }
  if not (r.n and r.generation and r.verifier and #r.verifier == 32 and r.created and r.idle)
    or f[7] and not r.accessed or f[9] and not r.absolute then
    return nil, 'corrupt bookkeeping'
  end
  r.expires = expires(r)
  return r
end

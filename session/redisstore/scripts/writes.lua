-- The last writes, oldest first. The field _w has for each
--
--   LF "id:base:values"
--
-- id: as the client escaped it, without colons and control characters; base:
-- the number of the version before; values: one for each operation, decimal or
-- empty for 0, and a comma behind each.

-- The number of the version that the write made and its values, nil if the
-- ring does not hold it. Only writes change the version, so that the next
-- one's base is what this one made.
local function stored(r, id)
  local _, e = find(r.writes, '\n' .. id .. ':', 1, true)
  if not e then
    return nil
  end
  local values, after = match(r.writes, '^%-?%d+:([^\n]*)()', e + 1)
  return match(r.writes, '^\n[^:]+:(%-?%d+)', after) or r.number, values
end

-- How many writes the ring holds.
local function writesCount(r)
  local n, at = -1, 0
  repeat -- a loop over plain finds takes a quarter of what gsub takes
    n, at = n + 1, find(r.writes, '\n', at + 1, true)
  until not at
  return n
end

-- Whether the ring would still hold a write that was based on base.
local function remembers(r, base)
  return writesCount(r) < MAX_WRITES or tonumber(match(r.writes, '^\n[^:]+:(%-?%d+)')) <= base
end

-- The ring with one more write.
local function remember(r, id, values)
  local ring = r.writes
  for _ = MAX_WRITES, writesCount(r) do
    ring = sub(ring, find(ring, '\n', 2, true) or #ring + 1)
  end
  return ring .. '\n' .. id .. ':' .. r.number .. ':' .. values
end

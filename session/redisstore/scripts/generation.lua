-- Superseded generations of a session's cookie. The field _o has them newest
-- first, each as
--
--   32 bytes of hash, "generation load-until open commit-until sign-in", names, LF
--
-- where a closed window is empty, open and sign-in are 0 or 1, and a tab
-- stands before each name of an attribute that a sign-in closed. No name has a
-- control character. The one empty name stands for all attributes.

local function generations(o)
  local list, at = {}, 1
  while at <= #o do
    local _, e, g, load, open, commit, signin, names =
      find(o, '^(%d+) (%d*) ([01]) (%d*) ([01])([^\n]*)\n', at + 32)
    if not e then
      return nil
    end
    list[#list + 1] = {
      verifier = sub(o, at, at + 31), generation = tonumber(g), load = tonumber(load), open = open == '1',
      commit = tonumber(commit), signin = signin == '1', names = names,
    }
    at = e + 1
  end
  return list
end

local function generationsText(list)
  local text = {}
  for i, s in ipairs(list) do
    text[i] = s.verifier .. int(s.generation) .. ' ' .. (s.load and int(s.load) or '') .. (s.open and ' 1 ' or ' 0 ')
      .. (s.commit and int(s.commit) or '') .. (s.signin and ' 1' or ' 0') .. s.names .. '\n'
  end
  return table.concat(text)
end

-- A window is open before its end, and only if that is no further away than a
-- window is long: a clock that steps back re-opens none.
local function windowOpen(e, now)
  return e and now < e and e <= now + RENEWAL_GRACE
end

-- Closes for good what is closed.
local function settle(list, now)
  for _, s in ipairs(list) do
    if not windowOpen(s.load, now) then s.load = nil end
    if not windowOpen(s.commit, now) then s.commit = nil end
  end
end

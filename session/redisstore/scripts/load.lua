-- Load: session.Open.
-- ARGV: "a" or "p" (active, passive) and the clock; the presented hashes.
-- Reply: a verdict in words, or all of the record and "presented current now"
-- (pack.lua).

local f = read()
local r, bad = record(f)
if bad then
  return bad
end
local now = clock(sub(ARGV[1], 2))
if not r or now >= r.expires then
  return 'absent'
end
local list = r.superseded and generations(r.superseded) or {}
if r.superseded and #list == 0 then
  return 'corrupt _o'
end

-- What is presented are hashes of secrets, so how long a comparison takes says
-- nothing about a secret.
local known, presented, current, best = false, -1, false, 0
for i = 0, #ARGV[2] / 32 - 1 do
  local hash = sub(ARGV[2], i * 32 + 1, i * 32 + 32)
  if hash == r.verifier and not current then
    known, presented, current, best = true, i, true, r.generation
  end
  for _, s in ipairs(list) do
    if hash == s.verifier then
      known = true
      if (s.open or windowOpen(s.load, now)) and s.generation > best then
        presented, best = i, s.generation
      end
    end
  end
end
if not known then
  return 'foreign'
elseif r.gone then
  return 'gone ' .. r.gone
elseif presented < 0 then
  return 'superseded'
end

-- An access is recorded when a tenth of the idle timeout has passed, the first
-- one always; it confirms that the cookie has arrived.
local accessed = r.accessed
if not accessed then
  accessed = current and now
elseif sub(ARGV[1], 1, 1) == 'a' and (now - accessed) * 10 >= r.idle then
  accessed = now
end
local lapses = false
for _, s in ipairs(list) do
  lapses = lapses or current and s.open
end
if lapses or accessed and accessed ~= r.accessed then
  r.accessed = accessed or nil
  -- The expiry first: Redis refuses commands that need memory when it has
  -- none, but only as the first write of a script. A few bytes must not keep
  -- anybody from reading.
  call('PEXPIRE', key, int(expires(r) - now))
  if accessed then
    call('HSET', key, '_a', int(accessed))
  end
  if #list > 0 then
    settle(list, now)
    for _, s in ipairs(list) do
      if lapses and s.open then
        s.open, s.load = false, now + RENEWAL_GRACE
      end
    end
    call('HSET', key, '_o', generationsText(list))
  end
end
return packed(presented .. (current and ' 1 ' or ' 0 ') .. int(now))

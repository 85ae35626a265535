-- The parts of a commit, from ARGV[2] on:
--
--   flag S, start:   hash, idle timeout, absolute limit
--   flag I, sign-in: principal, epoch, absolute limit, idle timeout; flag L: persistent
--   flag N, renewal: hash, names of a sign-in as _o has them; flag X: strict
--   each operation:  kind, option, field; what it takes; if expected, the value
--
-- kind: s set (value), r remove, a add (decimal), l append (elements, max),
-- u union (elements), d difference (elements). option: 1 if privileged, plus 2
-- if expected to be absent or 4 if expected to have the value.

local arg = 2
local function take()
  arg = arg + 1
  return ARGV[arg - 1]
end

if has.S then
  start = {verifier = take(), idle = tonumber(take()), absolute = take()}
end
if has.I then
  signin = {principal = take(), epoch = take(), absolute = take(), idle = take()}
end
if has.N then
  renew = {verifier = take(), names = take()}
end
while ARGV[arg] do
  local head = take()
  local kind, option, field = sub(head, 1, 1), tonumber(sub(head, 2, 2)), sub(head, 3)
  local op = {kind = kind, field = field, privileged = option % 2 == 1}
  if kind ~= 'r' then
    op.value = take()
  end
  if kind == 'l' then
    op.max = tonumber(take())
  end
  if option >= 4 then
    op.expect = take()
  elseif option >= 2 then
    op.expect = false
  end
  merges = merges or kind ~= 's' and kind ~= 'r'
  ops[#ops + 1] = op
  if not touched[field] then
    touched[field] = true
    fields[#fields + 1] = field
  end
end

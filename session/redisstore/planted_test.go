package redisstore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/redistest"
)

// planted are faults: in a script, the first text becomes the second one.
var planted = [][2]string{
	// record.lua
	{"min(max(r.idle, 60000), TOMBSTONE_LIFE)", "min(r.idle, TOMBSTONE_LIFE)"},
	{"min(max(r.idle, 60000), TOMBSTONE_LIFE)", "max(r.idle, 60000)"},
	{"r.idle > 8384883669867 and 9223372036855 or ", ""},
	{"r.idle > 8384883669867", "r.idle > 8384883669866"},
	{"floor(r.idle * 11 / 10)", "r.idle"},
	{"min(bound, UNCONFIRMED_LIFE)", "bound"},
	{"if r.absolute and r.absolute < e then", "if false then"},
	// generation.lua
	{"e and now < e and", "e and now <= e and"},
	{"and e <= now + RENEWAL_GRACE", ""},
	{"e <= now + RENEWAL_GRACE", "e < now + RENEWAL_GRACE"},
	{"if not windowOpen(s.load, now) then s.load = nil end", ""},
	{"if not windowOpen(s.commit, now) then s.commit = nil end", ""},
	// load.lua
	{"if not r or now >= r.expires then\n  return 'absent'", "if not r or now > r.expires then\n  return 'absent'"},
	{"if hash == r.verifier and not current then", "if hash == r.verifier then"},
	{"and s.generation > best then", "then"},
	{"(s.open or windowOpen(s.load, now))", "s.open"},
	{"(s.open or windowOpen(s.load, now))", "windowOpen(s.load, now)"},
	{"if not known then", "if presented < 0 then"},
	{"(now - accessed) * 10 >= r.idle", "(now - accessed) * 10 > r.idle"},
	{"if not accessed then\n  accessed = current and now", "if not accessed then\n  accessed = now"},
	{"sub(ARGV[1], 1, 1) == 'a' and", ""},
	{"lapses = lapses or current and s.open", "lapses = lapses or s.open"},
	{"lapses = lapses or current and s.open", ""},
	{"s.open, s.load = false, now + RENEWAL_GRACE", "s.open = false"},
	{"  if #list > 0 then\n    settle(list, now)", "  if #list > 0 then"},
	{"  r.accessed = accessed or nil\n", ""},
	// writes.lua
	{"match(r.writes, '^\\n[^:]+:(%-?%d+)', after) or r.number", "r.number"},
	{"tonumber(match(r.writes, '^\\n[^:]+:(%-?%d+)')) <= base", "tonumber(match(r.writes, '^\\n[^:]+:(%-?%d+)')) < base"},
	{"writesCount(r) < MAX_WRITES or", ""},
	{"writesCount(r) < MAX_WRITES or", "writesCount(r) < MAX_WRITES + 1 or"},
	{"for _ = MAX_WRITES, writesCount(r) do", "for _ = MAX_WRITES + 1, writesCount(r) do"},
	// parts.lua
	{"merges = merges or kind ~= 's' and kind ~= 'r'", ""},
	{"option % 2 == 1", "false"},
	// accept.lua
	{"local expired = r and now >= r.expires", "local expired = r and now > r.expires"},
	{"local expired = r and now >= r.expires", "local expired = false"},
	{"local renewed = renew and not r.gone and", "local renewed = renew and"},
	{"local renewed = renew and not r.gone and r.generation == generation + 1 and", "local renewed = renew and not r.gone and"},
	{"r.generation == generation + 1 and r.verifier == renew.verifier", "r.generation == generation + 1"},
	{"if n then\n    return done(r, '1', n, values, '')\n  end", ""},
	{"if renew and not r.gone then\n    local had", "if false then\n    local had"},
	{"if renew and not r.gone then\n    local had", "if renew then\n    local had"},
	{"generation + 1 == r.generation and renew.verifier == r.verifier", "renew.verifier == r.verifier"},
	{"had = had or generation + 1 == s.generation and", "had = had or"},
	{"if had and merges then", "if false then"},
	{"if now >= notAfter then", "if now > notAfter then"},
	{"if now >= notAfter then", "if false then"},
	{"if has.R and not remembers(r, tonumber(base)) then", "if false then"},
	{"elseif start then\n    return 'exists'", "elseif false then\n    return 'exists'"},
	{"elseif r.gone then\n    return 'gone ' .. r.gone\n  end\nelseif not start", "elseif false then\n    return ''\n  end\nelseif not start"},
	{"elseif not start then\n  return 'absent'", "elseif false then\n  return 'absent'"},
	{"if generation > r.generation or signin then", "if signin then"},
	{"if generation > r.generation or signin then", "if generation > r.generation then"},
	{"if r.fresh or size ~= r.size then", "if r.fresh then"},
	{"if not s or not windowOpen(s.commit, now) then", "if not s then"},
	{"for g = generation, r.generation - 1 do", "for g = generation, generation do"},
	{"if has.C or has.D then", "if has.D then"},
	{"if has.C or has.D then", "if has.C then"},
	{"if all or op.privileged or find", "if all or find"},
	{"if all or op.privileged or find", "if op.privileged or find"},
	{"or find(names, '\\t' .. sub(op.field, 2) .. '\\t', 1, true) then", "then"},
	{"or find(names, '\\t' .. sub(op.field, 2) .. '\\t', 1, true) then", "or find(names, sub(op.field, 2), 1, true) then"},
	// merge.lua
	{"high == 922337203 and low <= 6854775807", "high == 922337203"},
	{"high == 922337203 and low <= 6854775807", "high == 922337203 and low < 6854775807"},
	{"high == -922337203 and low >= -6854775808", "high == -922337203"},
	{"high == -922337203 and low >= -6854775808", "high == -922337203 and low > -6854775808"},
	{"if not whole(high, low) then\n    return nil\n  end", ""},
	{"return whole(high, low) and high, low", "return high, low"},
	{"'^(%-?)([1-9]%d*)$'", "'^(%-?)(%d+)$'"},
	{"if low >= 1e10 then", "if low > 1e10 then"},
	{"elseif low <= -1e10 then", "elseif false then"},
	{"if high > 0 and low < 0 then", "if false then"},
	{"elseif high < 0 and low > 0 then", "elseif false then"},
	{"'%.0f%010.0f'", "'%.0f%.0f'"},
	{"if byte(value, 1) ~= 255 then\n    return nil\n  end", ""},
	{"or b == 0 and i > at then", "then"},
	{"if length > size - i then\n      return nil\n    end", ""},
	{"if length > size - i then", "if length >= size - i then"},
	{"while b and b >= 128 and i - at < 9 do", "while b and b >= 128 do"},
	{"if drop <= 0 then", "if drop < 0 then"},
	{"elseif drop < #old then", "elseif drop <= #old then"},
	{"most > 0 and total - most or 0", "total - most"},
	{"if there[e] then\n      return nil\n    end", ""},
	{"if next == '\\255' then\n    next = value and next\n  end", ""},
	{"return add(value or '0', op.value)", "return add(value or '1', op.value)"},
	// limits.lua
	{"if n and n > attributeBytes and not (old and #value <= #old) then", "if n and n > attributeBytes then"},
	{"if n and n > attributeBytes and not (old and #value <= #old) then", "if n and n > attributeBytes and not old then"},
	{"if n and n > attributeBytes and", "if n and n >= attributeBytes and"},
	{"if size > sessionBytes and size > r.size then", "if size > sessionBytes then"},
	{"if size > sessionBytes and size > r.size then", "if false then"},
	{"if n > attributes and n > had then", "if n > attributes then"},
	{"if n > attributes and n > had then", "if n >= attributes and n > had then"},
	{"if value then n = n - 1 end", ""},
	{"local size, more = has.C and 0 or r.size, 0", "local size, more = r.size, 0"},
	{"local n = has.C and more or had + more", "local n = had + more"},
	{"a ~= '0' and tonumber(a) or attributeBytes", "tonumber(a)"},
	// commit.lua
	{"if signin and r and r.principal and r.principal ~= signin.principal then", "if false then"},
	{"before[field] = not r.fresh and f[13 + i]", "before[field] = f[13 + i]"},
	{"state[field] = not has.C and before[field]", "state[field] = before[field]"},
	{"if op.expect ~= nil and op.expect ~= state[op.field] then", "if op.expect and op.expect ~= state[op.field] then"},
	{"if op.expect ~= nil and op.expect ~= state[op.field] then", "if false then"},
	{"if value == nil then\n      return 'type ' .. i\n    end", "if value == nil then\n      value = '0'\n    end"},
	{"local renews = renew and generation == r.generation", "local renews = renew"},
	{"if knows then", "if false then"},
	{"knows = knows or renew.verifier == s.verifier", ""},
	{"if r.absolute and now >= r.absolute then\n  return", "if r.absolute and now > r.absolute then\n  return"},
	{"now > r.n and nowText or int(r.n + 1)", "nowText"},
	{"now > r.n and nowText or int(r.n + 1)", "int(r.n + 1)"},
	{"and not has.P and now > r.accessed then", "and now > r.accessed then"},
	{"and not has.P and now > r.accessed then", "and not has.P then"},
	{"elseif r.accessed and not has.P and now > r.accessed then", "elseif not has.P then"},
	{"put('_t', nowText)", ""},
	{"put('_l', has.L and '1')", "if has.L then put('_l', '1') end"},
	{"put('_x', r.absolute and absolute)", "if r.absolute then put('_x', absolute) end"},
	{"if signin.idle ~= '' then", "if false then"},
	{"settle(list, now)\nif renews then", "if renews then"},
	{"s.open, s.load = false, nil", "s.open = false"},
	{"open = not signin,", "open = true,"},
	{"commit = not has.X and now + RENEWAL_GRACE", "commit = now + RENEWAL_GRACE"},
	{"signin = signin, names", "signin = false, names"},
	{"list[MAX_SUPERSEDED + 1] = nil", ""},
	{"if expired then\n  call('DEL', key)\nend", ""},
	{"if sub(field, 1, 1) == '@' and not state[field] then", "if false then"},
	{"call('PEXPIRE', key, int(expires(r) - now))\nif has.T", "if has.T"},
	// invalidate.lua
	{"if r.accessed and not has.P then", "if r.accessed then"},
	{"if r.accessed and not has.P then", "if false then"},
	{"r.accessed = max(r.accessed, now)", "r.accessed = now"},
	{"  s.names = ''\n", ""},
	{"if not keeps[field] then", "if false then"},
	{"bury(r, id, max(r.n + 1, now)", "bury(r, id, now"},
	{"call('PEXPIRE', key, int(expires(r) - now))\n  local set", "local set"},
}

// A comparison that has never failed is untested: it finds each of these.
func TestPlantedFaultsAreFound(t *testing.T) {
	server := redistest.Start(t)
	for i, fault := range planted {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			used := 0
			_, err := twins(t, server, func(source string) string {
				used += strings.Count(source, fault[0])
				return strings.ReplaceAll(source, fault[0], fault[1])
			}, 120, 300)
			switch {
			case used == 0:
				t.Errorf("no script holds %q", fault[0])
			case err == nil:
				t.Errorf("not found: %q instead of %q", fault[1], fault[0])
			}
		})
	}
}

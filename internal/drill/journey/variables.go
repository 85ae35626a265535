package journey

import (
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/config"
)

// builtin variables: of the account, and of a write.
var builtin = []string{"user", "password", "n", "token", "key"}

// variables reports those that are used and have no value there.
func (c *Config) variables(at config.At) {
	known := c.Accounts.variables()
	for name := range c.Vars {
		known[name] = true
	}
	c.unknown(at, "header", config.Pos{}, c.Header, known)
	c.list(at, "login", c.Login, known) // what it picks stays
	for _, s := range append(slices.Clone(c.Login), c.Rotate...) {
		for name := range s.Pick {
			known[name] = true
		}
	}
	c.unknown(at, "credential", config.Pos{}, c.Credential.Header, known)
	write := maps.Clone(known)
	write["token"], write["key"] = true, true
	c.list(at, "write", c.Write, write)
	for key, steps := range map[string][]Step{"incr": c.Incr, "rotate": c.Rotate, "logout": c.Logout} {
		c.list(at, key, steps, maps.Clone(known))
	}
	for key, p := range map[string]*Page{"marker": &c.Marker, "read": &c.Read, "count": &c.Count} {
		c.unknown(at, key, p.Pos, map[string]Template{"": p.Get}, known)
		c.unknown(at, key, p.Pos, p.Header, known)
	}
}

func (c *Config) list(at config.At, key string, steps []Step, known map[string]bool) {
	for i := range steps {
		s := &steps[i]
		where := key
		if len(steps) > 1 {
			where += "[" + string(rune('0'+i%10)) + "]"
		}
		for _, m := range s.methods() {
			c.unknown(at, where, s.Pos, map[string]Template{"": m.path, "body": s.Body}, known)
		}
		for _, set := range []map[string]Template{s.Form, s.JSON, s.Header} {
			c.unknown(at, where, s.Pos, set, known)
		}
		for name := range s.Pick {
			known[name] = true
		}
	}
}

func (c *Config) unknown(at config.At, key string, pos config.Pos, set map[string]Template, known map[string]bool) {
	for _, t := range set {
		for _, name := range t.names() {
			if known[name] {
				continue
			}
			const msg = "found {{%s}}, which has no value here, allowed: %s; pick it in an earlier step, or give it in vars or as a column of the accounts"
			allowed := strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			if pos == (config.Pos{}) {
				at.Errorf(key, msg, name, allowed)
				continue
			}
			at.ErrorfAt(pos, key, msg, name, allowed)
		}
	}
}

func uses(steps []Step, name string) bool {
	for i := range steps {
		r := steps[i].request()
		all := []Template{r.path, r.body}
		for _, set := range []map[string]Template{r.form, r.json, r.header} {
			all = slices.AppendSeq(all, maps.Values(set))
		}
		for _, t := range all {
			if slices.Contains(t.names(), name) {
				return true
			}
		}
	}
	return false
}

func picks(steps []Step, name string) bool {
	_, ok := steps[len(steps)-1].Pick[name]
	return ok
}

package link

import (
	"slices"
	"strings"
	"testing"
)

func TestURLsAreRead(t *testing.T) {
	for raw, want := range map[string]location{
		"redis://h":                     {hosts: []string{"h:6379"}},
		"redis://h:7000/3":              {hosts: []string{"h:7000"}, db: 3},
		"redis://h/":                    {hosts: []string{"h:6379"}},
		"rediss://u:p@h":                {tls: true, hosts: []string{"h:6379"}, username: "u", password: "p"},
		"redis://:p%40%2F%3F%23%25+@h":  {hosts: []string{"h:6379"}, password: "p@/?#%+"},
		"redis://:p@q@h":                {hosts: []string{"h:6379"}, password: "p@q"},
		"redis://u%3Av:p:q@h":           {hosts: []string{"h:6379"}, username: "u:v", password: "p:q"},
		"redis://[::1]:7000":            {hosts: []string{"[::1]:7000"}},
		"redis://[::1]":                 {hosts: []string{"[::1]:6379"}},
		"redis-cluster://a,b:7001":      {mode: cluster, hosts: []string{"a:6379", "b:7001"}},
		"rediss-cluster://u:p@a,b":      {mode: cluster, tls: true, hosts: []string{"a:6379", "b:6379"}, username: "u", password: "p"},
		"redis-cluster://a/":            {mode: cluster, hosts: []string{"a:6379"}},
		"redis-sentinel://a,b:5/m":      {mode: sentinel, hosts: []string{"a:26379", "b:5"}, master: "m"},
		"rediss-sentinel://:p@a/my%2Fm": {mode: sentinel, tls: true, hosts: []string{"a:26379"}, master: "my/m", password: "p"},
		"redis-sentinel://a/m?db=2":     {mode: sentinel, hosts: []string{"a:26379"}, master: "m", db: 2},
		"redis-sentinel://a/m?db=0&sentinel_user=su&sentinel_password=s+p%26": {
			mode: sentinel, hosts: []string{"a:26379"}, master: "m", sentinelUsername: "su", sentinelPassword: "s+p&",
		},
	} {
		got, err := parse(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		same := slices.Equal(got.hosts, want.hosts)
		got.hosts, want.hosts = nil, nil
		if !same || got.name() != want.name() || !equal(got, want) {
			t.Errorf("%s is %+v, want %+v", raw, got, want)
		}
	}
}

func equal(a, b location) bool {
	return a.mode == b.mode && a.tls == b.tls && a.username == b.username && a.password == b.password && a.db == b.db &&
		a.master == b.master && a.sentinelUsername == b.sentinelUsername && a.sentinelPassword == b.sentinelPassword
}

func TestBadURLsAreRefusedWithWhatIsWrongAndAllowed(t *testing.T) {
	for raw, want := range map[string][]string{
		"":                               {`"***"`, "unknown scheme", "redis-cluster://"},
		"localhost:6379":                 {`"localhost:6379"`, "unknown scheme"},
		"hunter2":                        {`"***"`, "unknown scheme"},
		"http://h":                       {"unknown scheme", "rediss-sentinel://"},
		"redis://":                       {"host 1", "allowed is redis://[user"},
		"redis://h:0":                    {"port", "1 to 65535"},
		"redis://h:65536":                {"port"},
		"redis://h:":                     {"port"},
		"redis://h:http":                 {"port"},
		"redis://h:+1":                   {"port"},
		"redis://::1":                    {"[ and ]"},
		"redis://[::1":                   {"IPv6"},
		"redis://[h]":                    {"IPv6"},
		"redis://a,b":                    {"several hosts"},
		"redis://a b":                    {"host 1"},
		"redis://h/x":                    {"database is not a number"},
		"redis://h/-1":                   {"database"},
		"redis://h/1/2":                  {"database"},
		"redis://h?db=1":                 {"query"},
		"redis://u:%zz@h":                {"password is not percent-encoded"},
		"redis://%zz:p@h":                {"user is not percent-encoded"},
		"redis://:hunter2/x@h":           {"%2F", `"redis://:***@h"`},
		"redis://:hunter2?x@h":           {"%3F", `"redis://***"`},
		"redis://:hunter2#x@h":           {"%23", `"redis://***"`},
		"redis-cluster://a/1":            {"Cluster has only one"},
		"redis-cluster://a/0":            {"Cluster has only one"},
		"redis-cluster://a,":             {"host 2"},
		"redis-cluster://a,a:6379":       {"twice"},
		"redis-cluster://a?x=1":          {"query", "?***"},
		"redis-sentinel://a":             {"lacks the name", "/mymaster"},
		"redis-sentinel://a/":            {"lacks the name"},
		"redis-sentinel://a/m/0":         {"lacks the name"},
		"redis-sentinel://a/%zz":         {"master's name"},
		"redis-sentinel://a/m?bd=1":      {"unknown key", "?***"},
		"redis-sentinel://a/m?db=x":      {"database"},
		"redis-sentinel://a/m?db=1&db=1": {"twice"},
		"redis-sentinel://a/m?sentinel_password=hunter2&x": {"unknown key", "sentinel_password=***&***"},
		"redis-sentinel://a/m?sentinel_password=%zz":       {"percent-encoded"},
	} {
		_, err := parse(raw)
		if err == nil {
			t.Errorf("%s is accepted", raw)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", raw, err, w)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
	}
}

func TestMaskShowsEverythingButSecrets(t *testing.T) {
	for raw, want := range map[string]string{
		"redis://h:1/2":     "redis://h:1/2",
		"rediss://u:p@h":    "rediss://u:***@h",
		"redis://:p@h":      "redis://:***@h",
		"redis://p@h":       "redis://***@h",
		"redis://u:a@b@h/1": "redis://u:***@h/1",
		"redis-sentinel://u:p@a,b/m?db=1&sentinel_user=x&sentinel_password=y": "redis-sentinel://u:***@a,b/m?db=1&sentinel_user=***&sentinel_password=***",
		"redis-sentinel://a/m?sentinel_password=x@y":                          "redis-sentinel://***",
		"redis://h#x":       "redis://h#***",
		"redis:u:p@h":       "***",
		"memcached://u:p@h": "***",
	} {
		if got := Mask(raw); got != want {
			t.Errorf("Mask(%q) = %q, want %q", raw, got, want)
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"redis://h", "rediss://u:p@[::1]:1/2", "redis-sentinel://a,b:1/m?db=1&sentinel_password=x", "redis-cluster://a,b", "redis://%", "redis://@@", "redis-sentinel:///"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parse(raw)
		if err != nil {
			return
		}
		if len(u.hosts) == 0 || (u.mode == sentinel) != (u.master != "") || (u.mode == cluster && u.db != 0) {
			t.Errorf("%q is read as %+v", raw, u)
		}
		for _, h := range u.hosts {
			if again, err := server(h, "1"); err != nil || again != h {
				t.Errorf("host %q of %q reads as %q, %v", h, raw, again, err)
			}
		}
	})
}

// A password, wherever somebody puts it and however it looks, is in no error.
func FuzzNoPasswordInErrors(f *testing.F) {
	for _, s := range []string{"hunter22", "hun/ter22", "hunter?22", "hunt#er22", "@hunter22", "hun:ter22", "hunter%22", "hunter,22", "hunter&22=1", "://hunter22"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		if len(secret) < 8 || strings.Contains(secret, "*") || strings.Contains("redis-sentinel://user:***@host.example:7000,host/master?db=0&sentinel_password=***", secret) {
			return // may be there for another reason
		}
		for _, raw := range []string{
			"redis://user:" + secret + "@host.example:7000/0", "redis://:" + secret + "@host", "redis://" + secret + "@host",
			"redis-sentinel://host/master?sentinel_password=" + secret, "redis-sentinel://u:" + secret + "@host/master?sentinel_password=" + secret,
			"redis-cluster://:" + secret + "@host/9", "nonsense://:" + secret + "@host", secret,
		} {
			shown := Mask(raw)
			if _, err := parse(raw); err != nil {
				shown += err.Error()
			}
			if strings.Contains(shown, secret) && !hostAndPort.MatchString(secret) {
				t.Errorf("%q shows the password: %q", raw, shown)
			}
		}
	})
}

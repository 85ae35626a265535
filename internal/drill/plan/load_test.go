package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// contract is the drill.yaml that the documentation shows, with either way of
// driving the service.
const contract = `version: 1
target: http://127.0.0.1:8080
users: 200
rate: 1000/s
duration: 60s
control: 15s
session: {idle_timeout: 30m, absolute_timeout: 12h, renewal_grace: 10s}
events:
  every: 10s
  do:
    - exec: kubectl scale deploy/shop --replicas=2
    - kubectl: {rollout_restart: deploy/shop}
    - ecs: {cluster: c, service: shop, desired: 2}
    - local: {stop: random, signal: TERM}
    - gateway: {admin: "http://127.0.0.1:9900", group: shop, target: a, token: "${EVENKEEL_PROBE_SECRET}"}
    - redis: {sentinel: "127.0.0.1:26379", master: shop}
`

const byProbe = contract + `probe: {prefix: /probe, header: X-Evenkeel-Probe, secret: "${EVENKEEL_PROBE_SECRET}"}
`

const byJourney = contract + `journey:
  login:  [{post: /login, form: {user: "{{user}}", password: "{{password}}"}}]
  marker: {get: /account, regex: 'Signed in as (\w+)'}
  write:  {post: /cart, form: {item: "{{token}}"}}
  read:   {get: /cart, regex: 'data-item="([^"]+)"'}
  logout: {post: /logout}
`

func write(t *testing.T, yaml string) string {
	t.Helper()
	t.Setenv("EVENKEEL_PROBE_SECRET", "a secret of at least twenty-four bytes")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"drill.yaml": yaml, "accounts.csv": "user,password,shelf\nann,pw1,3\nbob,pw2,4\n",
		"twice.csv": "user,password\nann,x\nann,y\n", "nobody.csv": "name\nann\n", "short.csv": "user,password\n", "ca.pem": "nothing\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "drill.yaml")
}

func TestLoad(t *testing.T) {
	for yaml, tier := range map[string]check.Tier{byProbe: check.TierProbe, byJourney: check.TierJourney} {
		p, err := Load(write(t, yaml))
		if err != nil {
			t.Fatal(err)
		}
		if p.Tier != tier || p.Users != 200 || p.Pace.Rate != 1000 || p.Duration != time.Minute || p.Control != 15*time.Second || p.Targets[0] != "http://127.0.0.1:8080" {
			t.Errorf("%+v", p)
		}
		if p.Check.IdleTimeout != 30*time.Minute || p.Check.AbsoluteTimeout != 12*time.Hour || p.Events.Every != 10*time.Second || len(p.Events.Do) != 6 {
			t.Errorf("%+v, %+v", p.Check, p.Events)
		}
		do := p.Events.Do
		if do[0].Exec == "" || do[1].Kubectl.RolloutRestart != "deploy/shop" || *do[2].ECS.Desired != 2 || do[3].Local.Signal != "TERM" || do[3].Pos.Line != 14 ||
			do[4].Gateway.Token.Reveal() == "" || do[5].Redis.Master != "shop" {
			t.Errorf("%+v", do)
		}
		if !p.Dialect.Offers(history.Append) || p.Dialect.Offers(history.Incr) != (tier == check.TierProbe) {
			t.Errorf("%v: the dialect offers something else", tier)
		}
	}
}

func TestDefaults(t *testing.T) {
	_, journey, _ := strings.Cut(byJourney, "journey:")
	p, err := Load(write(t, "version: 1\ntarget: [\"http://a\", \"https://b:8443/app\"]\nrate: 90/m\nduration: 20s\nsources: 127.0.0.9\nmax_body: 2MiB\ntls: {insecure: true}\njourney:"+journey))
	if err != nil {
		t.Fatal(err)
	}
	if p.Users != 200 || p.Control != 5*time.Second || p.Pace.Rate != 1.5 || len(p.Targets) != 2 || p.Client.MaxBody != 2<<20 ||
		len(p.Client.Sources) != 1 || !p.Client.TLS.InsecureSkipVerify || p.Events.Every != 0 {
		t.Errorf("%+v", p)
	}
}

// Every error says where, what was found and what is allowed.
func TestErrors(t *testing.T) {
	journey := func(old, new string) string {
		if !strings.Contains(byJourney, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(byJourney, old, new, 1)
	}
	for name, test := range map[string]struct {
		yaml string
		want []string
	}{
		"unknown key":           {journey("users: 200", "user: 200"), []string{"drill.yaml:3:1: user: unknown key, allowed: version, target, users", "did you mean users?"}},
		"regex without group":   {journey(`'Signed in as (\w+)'`, `'Signed in'`), []string{"drill.yaml:19:34: journey.marker.regex: found \"Signed in\"", "allowed: a regular expression with a group"}},
		"no regex":              {journey(`'Signed in as (\w+)'`, `'('`), []string{"journey.marker.regex", "regular expression (RE2)"}},
		"marker without a page": {journey("get: /account, ", ""), []string{"drill.yaml:19:11: journey.marker.get: is required"}},
		"marker says nothing":   {journey(`, regex: 'Signed in as (\w+)'`, ""), []string{"drill.yaml:19:11: journey.marker: says not who"}},
		"both":                  {byJourney + strings.TrimPrefix(byProbe, contract), []string{"drill.yaml:18:3: journey: found probe and journey, allowed: one of them"}},
		"neither":               {contract, []string{"drill.yaml:1:1: found neither probe nor journey"}},
		"rate without unit":     {journey("1000/s", "1000"), []string{"drill.yaml:4:7: rate: found \"1000\", allowed: a number above 0 with its unit, such as 1000/s"}},
		"rate and think":        {journey("rate: 1000/s", "rate: 10/s\nthink: 1s"), []string{"think: found with rate"}},
		"short secret":          {strings.Replace(byProbe, "${EVENKEEL_PROBE_SECRET}\"}\n", "a2c4e6g8i0k2m4o6q8s0u2w\"}\n", 2), []string{"probe.secret: found 23 bytes, allowed: at least 24"}},
		"unset":                 {journey("http://127.0.0.1:8080", "${EVENKEEL_NOWHERE}"), []string{"target[0]: environment variable EVENKEEL_NOWHERE is not set"}},
		"no target":             {journey("http://127.0.0.1:8080", "127.0.0.1:8080"), []string{"target", "allowed: http://HOST:PORT"}},
		"no version":            {journey("version: 1", "version: 2"), []string{"version: found 2, allowed: 1"}},
		"control":               {journey("control: 15s", "control: 2m"), []string{"control: found 2m0s, allowed: 0s to 1m0s"}},
		"unknown variable":      {journey("{{user}}", "{{usr}}"), []string{"drill.yaml:18:12: journey.login: found {{usr}}, which has no value here, allowed: n, password, user"}},
		"token elsewhere":       {journey("get: /cart", "get: \"/cart?{{token}}\""), []string{"journey.read: found {{token}}"}},
		"bad variable":          {journey("{{user}}", "{{us er}}"), []string{"journey.login[0].form.user", "allowed: {{NAME}}"}},
		"no token":              {journey("{{token}}", "{{user}}"), []string{"journey.write: uses no {{token}}"}},
		"write alone":           {journey("  read:   {get: /cart, regex: 'data-item=\"([^\"]+)\"'}\n", ""), []string{"found write alone, allowed: both write and read"}},
		"two requests":          {journey("{post: /logout}", "{post: /logout, get: /bye}"), []string{"journey.logout[0]: found 2 requests, allowed: exactly one of get, post"}},
		"host in a path":        {journey("/account", "http://elsewhere/account"), []string{"journey.marker.get: found \"http://elsewhere/account\", allowed: a path"}},
		"body of a get":         {journey("post: /logout", "get: /logout, form: {a: b}"), []string{"journey.logout[0].get: found a body"}},
		"pick":                  {journey("{post: /logout}", "{post: /logout, pick: {csrf: 'css:]'}}"), []string{"journey.logout[0].pick.csrf: found \"css:]\", allowed: a selector"}},
		"reserved header":       {journey("{post: /logout}", "{post: /logout, header: {Host: h}}"), []string{"journey.logout[0].header: found \"Host\""}},
		"csv":                   {journey("journey:", "journey:\n  accounts: {csv: accounts.csv}"), []string{"drill.yaml:3:8: users: found 200, allowed: at most 2"}},
		"csv, user twice":       {journey("journey:", "journey:\n  accounts: {csv: twice.csv}"), []string{"journey.accounts.csv", "line 3", "line 2"}},
		"csv without users":     {journey("journey:", "journey:\n  accounts: {csv: nobody.csv}"), []string{"no column user"}},
		"csv without lines":     {journey("journey:", "journey:\n  accounts: {csv: short.csv}"), []string{"no line after the first"}},
		"no csv":                {journey("journey:", "journey:\n  accounts: {csv: nowhere.csv}"), []string{"journey.accounts.csv", "no such file"}},
		"one name":              {journey("journey:", "journey:\n  accounts: {user: ann}"), []string{"journey.accounts.user: found one name for all"}},
		"no certificate":        {byJourney + "tls: {ca: ca.pem}\n", []string{"tls.ca: found no certificate"}},
		"guarantee":             {byJourney + "allow_unexercised: G13\n", []string{"allow_unexercised: found \"G13\", allowed: G1 to G12"}},
		"two events":            {journey("- exec: kubectl scale deploy/shop --replicas=2", "- {exec: x, redis: {sentinel: a, master: b}}"), []string{"events.do[0]: found exec and redis, allowed: exactly one of"}},
		"scale to nothing":      {journey("rollout_restart: deploy/shop", "scale: deploy/shop"), []string{"kubectl.replicas: is required with scale"}},
		"flag to kubectl":       {journey("rollout_restart: deploy/shop", "rollout_restart: --all"), []string{"found \"--all\""}},
		"signal":                {journey("signal: TERM", "signal: USR9"), []string{"drill.yaml:14:37: events.do[3].local.signal: found \"USR9\"", "allowed: TERM, KILL"}},
		"incr alone":            {byJourney + "  incr: {post: /n, pick: {n: '(1)'}}\n", []string{"found incr or count alone"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, test.yaml))
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\nwant it to say %q", err, w)
				}
			}
		})
	}
}

func TestPermit(t *testing.T) {
	few := strings.Replace(byJourney, "journey:", "journey:\n  accounts: {csv: accounts.csv}", 1)
	p, err := Load(write(t, strings.Replace(few, "users: 200", "users: 2", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Permit(t.Context(), false); err != nil {
		t.Error(err)
	}
	p.Users = 3 // by a flag
	if err := p.Permit(t.Context(), true); err == nil || !strings.Contains(err.Error(), "drill.yaml: users: found 3, allowed: at most 2") {
		t.Errorf("more users than accounts: %v", err)
	}
	for _, test := range []struct {
		target string
		pace   engine.Pace
		own    bool
		ok     bool
	}{
		{"http://127.0.0.1:8080", engine.Pace{Rate: 5000}, false, true},
		{"http://10.1.2.3", engine.Pace{Rate: 5000}, false, true},
		{"http://[::1]:80", engine.Pace{Rate: 5000}, false, true},
		{"http://[::ffff:192.168.1.1]:80", engine.Pace{Rate: 5000}, false, true},
		{"http://203.0.113.5", engine.Pace{Rate: 100}, false, true},
		{"http://203.0.113.5", engine.Pace{Rate: 101}, false, false},
		{"http://203.0.113.5", engine.Pace{Think: time.Second}, false, false},
		{"http://203.0.113.5", engine.Pace{}, false, false},
		{"http://203.0.113.5", engine.Pace{Rate: 101}, true, true},
		{"https://[2001:db8::1]", engine.Pace{Rate: 101}, false, false},
	} {
		p := &Plan{Targets: []string{"http://127.0.0.1", test.target}, Users: 200, Pace: test.pace}
		err := p.Permit(t.Context(), test.own)
		if (err == nil) != test.ok {
			t.Errorf("%+v: %v", test, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--i-own-this-target") {
			t.Errorf("%v does not say what to do", err)
		}
	}
}

package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

const example = `version: 1
service: shop
session: {cookie: __Host-session, idle_timeout: 20m, absolute_timeout: 12h, store: "redis://redis:6379/0", prefix: "ek:shop:"}
shutdown: {withdraw: 10s, requests: 30s, streams: 60s, flush: 5s, lame_duck: false}
kubernetes: {min_version: "1.30"}
spot: false
affinity: {mode: none}
gateway:
  listen: :8080
  groups:
    - name: shop
      routes: [{path: /}]
      targets: [{id: a, address: 127.0.0.1:9001}]
      deregistration_delay: 200s
      on_draining: finish
      affinity: {mode: cookie}
      health: {path: /readyz, interval: 2s, healthy: 2, unhealthy: 3}
      retries: {post: never}
    - name: api
      routes: [{path: /api}]
`

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "evenkeel.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadFile(t *testing.T) {
	got, err := ReadFile(writeFile(t, example))
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		Traffic: TrafficOptions{Listen: ":8080"}, Admin: AdminOptions{Listen: "127.0.0.1:9900"},
		Groups: []GroupOptions{{
			Name: "shop", Routes: []string{"/"}, Targets: []target.Target{{ID: "a", Address: "127.0.0.1:9001", Source: "file"}},
			DeregistrationDelay: 200 * time.Second, OnDraining: target.Finish,
			Affinity: AffinityOptions{Mode: AffinityCookie, IdleTimeout: 20 * time.Minute},
			Health:   health.Options{Path: "/readyz", Interval: 2 * time.Second, Healthy: 2, Unhealthy: 3},
			Retries:  RetryOptions{POST: ReplayNever},
		}, {
			Name: "api", Routes: []string{"/api"}, Affinity: AffinityOptions{IdleTimeout: 20 * time.Minute},
		}},
	}
	got.file = nil
	if d := cmp.Diff(want, got, cmp.AllowUnexported(Options{})); d != "" {
		t.Error(d)
	}
}

func TestReadFileErrors(t *testing.T) {
	for _, tc := range []struct{ old, with, want string }{
		{"version: 1", "version: 2", ":1:10: version: found 2, allowed: 1"},
		{"on_draining: finish", "on_draining: finnish", `:15:20: gateway.groups[0].on_draining: found "finnish", allowed: move, finish, strict (did you mean finish?)`},
		{"post: never", "post: sometimes", `:18:23: gateway.groups[0].retries.post: found "sometimes", allowed: unsent, never, idempotency_key, always`},
		{"200s", "200", `:14:29: gateway.groups[0].deregistration_delay: found "200", allowed: a duration of at least 0 with its unit, such as 500ms, 30s, 5m, 12h`},
		{"interval: 2s", "interval: 2", `:17:41: gateway.groups[0].health.interval: found "2", allowed: a duration of at least 0 with its unit, such as 500ms, 30s, 5m, 12h`},
		{"path: /readyz", "path: readyz", `:17:22: gateway.groups[0].health.path: found "readyz", allowed: a path that begins with /`},
		{"127.0.0.1:9001", "127.0.0.1", `:13:17: gateway.groups[0].targets[0]: invalid: target "a": address "127.0.0.1", allowed: host:port`},
		{"9001}]", "9001}, {id: a, address: h:1}]", `:13:51: gateway.groups[0].targets[1].id: found "a" again, first in line 13, allowed: each once`},
		{"path: /api", "path: api", `:20:23: gateway.groups[1].routes[0].path: found "api", allowed: a path that begins with /`},
		{"path: /api", "path: //", `:20:16: gateway.groups[1].routes[0].path: found "//", which leads to group "shop" by line 12 already, allowed: each path once`},
		{"name: api", "name: shop", `:19:7: gateway.groups[1].name: found "shop" again, first in line 11, allowed: each once`},
		{"name: api", "name: a b", `:19:13: gateway.groups[1].name: group "a b": allowed as a name: 1 to 64 letters, digits, - and _`},
		{"[{path: /api}]", "[{path: /api}]\n      discover: {}", `:21:17: gateway.groups[1].discover: found neither file nor dns, allowed: one of them`},
		{"[{path: /api}]", "[{path: /api}]\n      discover: {file: x, dns: {name: x, port: 1}}", `:21:17: gateway.groups[1].discover: found file and dns, allowed: one of them`},
		{"[{path: /api}]", "[{path: /api}]\n      discover: {consul: x}", `:21:18: gateway.groups[1].discover.consul: unknown key, allowed: file, dns`},
		{"[{path: /api}]", "[{path: /api}]\n      discover: {dns: {name: x}}", `:21:23: gateway.groups[1].discover.dns: found port 0, allowed with type a: 1 to 65535`},
		{"[{path: /api}]", "[{path: /api}]\n      discover: {dns: {name: x, type: mx}}", `:21:39: gateway.groups[1].discover.dns.type: found "mx", allowed: a, srv`},
		{"[{path: /api}]", "[{path: /api}]\n      discover: {dns: {name: x, port: 80, interval: 5}}", `:21:53: gateway.groups[1].discover.dns.interval: found "5", allowed: a duration of at least 0 with its unit, such as 500ms, 30s, 5m, 12h`},
		{"      deregistration_delay", "      discover: {file: x}\n      deregistration_delay", `:14:17: gateway.groups[0].discover: found besides targets, allowed: one of the two`},
		{"  listen: :8080", "  keys: {}", `:9:9: gateway.keys.file: is required`},
		{"  listen: :8080", "  keys: {file: none}", `/none: no such file or directory, allowed: one key or more of at least 32 bytes in base64, one per line, the current one first`},
		{"  listen: :8080", "  keys: {file: evenkeel.yaml}", `:9:16: gateway.keys.file: affinity keys: DIR/evenkeel.yaml:1: not base64, allowed: one key or more of at least 32 bytes in base64, one per line, the current one first`},
		{"  listen: :8080", "  keys: {file: empty}", `:9:16: gateway.keys.file: DIR/empty: affinity: no key, allowed: one key or more of at least 32 bytes in base64, one per line, the current one first`},
	} {
		path := writeFile(t, strings.Replace(example, tc.old, tc.with, 1))
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "empty"), []byte("# nothing\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(path)
		if err == nil || !strings.HasSuffix(strings.ReplaceAll(err.Error(), filepath.Dir(path), "DIR"), tc.want) || !strings.HasPrefix(err.Error(), path+":") {
			t.Errorf("%s:\n got %v\nwant …%s", tc.with, err, tc.want)
		}
	}
	for text, want := range map[string]string{
		strings.Replace(example, "listen: :8080", "lisen: :8080", 1): ":9:3: gateway.lisen: unknown key, allowed: listen, admin, admin_token, ",
		strings.Replace(example, "mode: cookie", "mode: cooky", 1):   `:16:24: gateway.groups[0].affinity.mode: found "cooky", allowed: none, cookie`,
		"version: 1\ngateway: {groups: []}\n":                        ":2:19: gateway.groups: found none, allowed: one or more",
		"version: 1\ngateway:\n":                                     ":2:9: gateway.groups: is required",
		"version: 1\n":                                               ":1:1: gateway: is required",
	} {
		if _, err := ReadFile(writeFile(t, text)); err == nil || !strings.Contains(err.Error(), "evenkeel.yaml"+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzReadFile: no file makes the reader panic, and what it accepts a gateway
// takes.
func FuzzReadFile(f *testing.F) {
	f.Add([]byte(example))
	for _, s := range []string{"", "version: 1\ngateway: {groups: [{name: a}]}", "version: 1\ngateway: {groups: [{name: a, discover: {dns: {name: x, port: 1}}}]}", "version: 1\ngateway: &a {groups: [{name: a, affinity: *a}]}", "gateway: {groups: [{name: a, routes: [{path: /}, {path: ///}]}]}\nversion: 1", "\xff", "- 1"} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "file") || strings.Contains(string(data), "${") { // reads what it names
			return
		}
		path := filepath.Join(dir, "evenkeel.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		opt, err := ReadFile(path)
		if err != nil {
			return
		}
		for i := range opt.Groups {
			opt.Groups[i] = opt.Groups[i].withDefaults()
		}
		if err := checkGroups(opt.Groups); err != nil {
			t.Errorf("accepted: %v", err)
		}
	})
}

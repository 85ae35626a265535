package gateway

import (
	"log/slog"
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
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestReadFileErrors(t *testing.T) {
	for _, tc := range []struct{ old, with, want string }{
		{"version: 1", "version: 2", ":1:10: version: found 2, allowed: 1"},
		{"on_draining: finish", "on_draining: finnish", `:15:20: gateway.groups[0].on_draining: found "finnish", allowed: move, finish, strict (did you mean finish?)`},
		{"mode: cookie", "mode: client_ip", `:16:24: gateway.groups[0].affinity.mode: found "client_ip", allowed: none, cookie`},
		{"post: never", "post: sometimes", `:18:23: gateway.groups[0].retries.post: found "sometimes", allowed: unsent, never, idempotency_key, always`},
		{"127.0.0.1:9001", "127.0.0.1", `:13:17: gateway.groups[0].targets[0].: invalid: target "a": address "127.0.0.1", allowed: host:port`},
		{"path: /api", "path: api", `:19:13: gateway.groups[1].name: group "api": route "api", allowed: a path that begins with /`},
		{"path: /api", "path: /", `: gateway: route "/" leads to both "shop" and "api"`},
		{"listen: :8080", "lisen: :8080", ":9:3: gateway.lisen: unknown key, allowed: listen, admin, admin_token, groups (did you mean listen?)"},
	} {
		_, err := ReadFile(writeFile(t, strings.Replace(example, tc.old, tc.with, 1)))
		if err == nil || !strings.HasSuffix(err.Error(), "evenkeel.yaml"+strings.Replace(tc.want, "[0].:", "[0]:", 1)) {
			t.Errorf("%s:\n got %v\nwant …%s", tc.with, err, tc.want)
		}
	}
}

func TestReloadFile(t *testing.T) {
	path := writeFile(t, example)
	opt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opt.Log = slog.New(slog.DiscardHandler)
	g, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Register("shop", target.Target{ID: "x", Address: "h:1", Source: "api"}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ old, with, want string }{
		{"", "", ""},
		{"[{id: a, address: 127.0.0.1:9001}]", "[{id: b, address: 127.0.0.1:9002}]", "shop/a: deregistered, shop/b: registered"},
		{"name: api", "name: web", `group "api": Name has changed, only targets can without a restart`},
		{"200s", "100s", `group "shop": DeregistrationDelay has changed, only targets can without a restart`},
		{"id: a", "id: x", `group "shop": invalid: target "x" belongs to the source "api"`},
		{"id: a", "di: a", "unknown key, allowed: id, address"},
		{"    - name: api\n      routes: [{path: /api}]\n", "", "1 groups, 2 are running"},
	} {
		if err := os.WriteFile(path, []byte(strings.Replace(example, tc.old, tc.with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		changes, err := g.Reload(t.Context(), path)
		got := strings.Join(changes, ", ")
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != tc.want || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.with, got, tc.want)
		}
	}
	ids := ""
	targets, _ := g.Targets("shop")
	for _, s := range targets {
		ids += s.ID
	}
	if ids != "bx" {
		t.Errorf("targets %s", ids)
	}
}

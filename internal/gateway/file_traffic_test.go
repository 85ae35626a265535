package gateway

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/evenkeel/evenkeel/internal/gateway/certs"
)

const trafficExample = `version: 1
gateway:
  listen: :8443
  tls: [{cert_file: tls/shop.pem, key_file: /keys/shop.key}, {cert_file: b.pem, key_file: b.key}]
  limits: {head: 32KiB, head_time: 5s, body: 10MiB, body_idle: 30s, write_stall: 40s, idle: 50s, connections: 1000, streams: 64}
  trusted: [10.0.0.0/8, "fd00::1"]
  forwarded: true
  access_log: {path: access.log, sample: 0.01}
  groups: [{name: shop, routes: [{path: /}]}]
`

func TestReadFileTraffic(t *testing.T) {
	path := writeFile(t, trafficExample)
	dir := filepath.Dir(path)
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := TrafficOptions{
		Listen: ":8443",
		TLS:    []certs.Pair{{CertFile: filepath.Join(dir, "tls/shop.pem"), KeyFile: "/keys/shop.key"}, {CertFile: filepath.Join(dir, "b.pem"), KeyFile: filepath.Join(dir, "b.key")}},
		Limits: LimitOptions{HeadBytes: 32 << 10, HeadTime: 5 * time.Second, BodyBytes: 10 << 20, BodyIdle: 30 * time.Second, WriteStall: 40 * time.Second,
			Idle: 50 * time.Second, Connections: 1000, Streams: 64},
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::1/128")}, Forwarded: true,
	}
	if d := cmp.Diff(want, got.Traffic, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(AccessOptions{Path: filepath.Join(dir, "access.log"), Sample: 0.01}, got.Access); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]AccessOptions{
		"{path: off}": {}, "{path: stdout}": {Path: "stdout"}, "{path: stdout, sample: 0}": {Path: "stdout", Sample: -1}, "{}": {},
	} {
		got, err := ReadFile(writeFile(t, strings.Replace(trafficExample, "{path: access.log, sample: 0.01}", text, 1)))
		if err != nil || got.Access != want {
			t.Errorf("%s: %+v, %v", text, got.Access, err)
		}
	}
}

func TestReadFileTrafficErrors(t *testing.T) {
	for _, tc := range []struct{ old, with, want string }{
		{"head: 32KiB", "head: 4KiB", ":5:18: gateway.limits.head: found 4KiB, allowed: 8KiB to 16MiB"},
		{"head: 32KiB", "head: 1GiB", ":5:18: gateway.limits.head: found 1GiB, allowed: 8KiB to 16MiB"},
		{"connections: 1000", "connections: 70000", `allowed: a whole number from 0 to 65535`},
		{"body_idle: 30s", "body_idle: -1s", "gateway.limits.body_idle: "},
		{"10.0.0.0/8", "10.0.0.0/33", ":6:13: gateway.trusted[0]: found \"10.0.0.0/33\", allowed: a network such as 10.0.0.0/8 or fd00::/8, an address"},
		{"sample: 0.01", "sample: 2", ":8:42: gateway.access_log.sample: found 2, allowed: 0 to 1"},
		{"key_file: b.key", "", "gateway.tls[1].key_file: "},
	} {
		_, err := ReadFile(writeFile(t, strings.Replace(trafficExample, tc.old, tc.with, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s:\n got %v\nwant …%s", tc.with, err, tc.want)
		}
	}
}

// Certificates are read when the gateway is made: what is wrong names the files.
func TestNewWithBadCertificate(t *testing.T) {
	path := writeFile(t, trafficExample)
	opt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(opt); err == nil || !strings.Contains(err.Error(), filepath.Join(filepath.Dir(path), "b.pem")) {
		t.Errorf("got %v", err)
	}
	opt = options(shop())
	opt.Traffic.H2C, opt.Traffic.TLS = true, []certs.Pair{{CertFile: os.DevNull, KeyFile: os.DevNull}}
	if _, err := New(opt); err == nil || !strings.Contains(err.Error(), "h2c is for clear text") {
		t.Errorf("got %v", err)
	}
}

// A reload takes new certificates along; lines that moved are no change, and
// limits need a restart.
func TestReloadTraffic(t *testing.T) {
	pair := pairIn(t)
	writePair(t, pair, 1, "shop.example")
	text := strings.Replace(trafficExample, "[{cert_file: tls/shop.pem, key_file: /keys/shop.key}, {cert_file: b.pem, key_file: b.key}]",
		"[{cert_file: "+pair.CertFile+", key_file: "+pair.KeyFile+"}]", 1)
	path := writeFile(t, text)
	opt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opt.Log = slog.New(slog.DiscardHandler)
	g, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(text string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		changes, err := g.Reload(t.Context())
		if err != nil {
			return err.Error()
		}
		return strings.Join(changes, ", ")
	}
	if got := reload("# moved\n\n" + text); got != "" {
		t.Errorf("got %q", got)
	}
	writePair(t, pair, 2, "shop.example")
	if got := reload(text); !strings.HasPrefix(got, pair.CertFile+": valid until ") {
		t.Errorf("got %q", got)
	}
	for _, change := range [][2]string{{"head: 32KiB", "head: 33KiB"}, {"10.0.0.0/8", "10.0.0.0/9"}, {"forwarded: true", "forwarded: false"}, {"sample: 0.01", "sample: 0.02"}} {
		if got := reload(strings.Replace(text, change[0], change[1], 1)); !strings.Contains(got, "needs a restart") {
			t.Errorf("%s: got %q", change[1], got)
		}
	}
}

package gateway

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAffinityOptions(t *testing.T) {
	for _, tc := range []struct {
		opt  AffinityOptions
		want string // a part of the only error; empty: it is allowed
	}{
		{AffinityOptions{}, ""},
		{AffinityOptions{Mode: AffinityCookie}, ""},
		{AffinityOptions{Mode: AffinityAppCookie, AppCookie: "JSESSIONID"}, ""},
		{AffinityOptions{Mode: AffinitySession, AppCookie: "__Host-session"}, ""},
		{AffinityOptions{Mode: AffinitySession, Header: "x-session"}, ""},
		{AffinityOptions{Mode: AffinityHeader, Header: "host"}, ""},
		{AffinityOptions{Mode: AffinityClientIP, LoadFactor: 1}, ""},
		{AffinityOptions{Mode: AffinityClientIP, LoadFactor: -1}, ""},

		{AffinityOptions{Mode: AffinityAppCookie}, "affinity.app_cookie: missing, allowed: the name of the application's cookie"},
		{AffinityOptions{Mode: AffinitySession}, "affinity.app_cookie: missing, allowed: the name of the cookie with the session ID, or that of a header under header"},
		{AffinityOptions{Mode: AffinitySession, AppCookie: "a", Header: "b"}, `affinity.header: found "B", allowed: nothing with app_cookie`},
		{AffinityOptions{Mode: AffinityHeader}, "affinity.header: missing, allowed: the name of the header"},
		{AffinityOptions{Mode: AffinityHeader, Header: "a b"}, `affinity.header: found "a b", allowed: the name of a header that targets get`},
		{AffinityOptions{Mode: AffinityHeader, Header: "connection"}, `affinity.header: found "Connection"`},
		{AffinityOptions{Mode: AffinityHeader, Header: "X", AppCookie: "a"}, `affinity.app_cookie: found "a", allowed: nothing with mode header`},
		{AffinityOptions{Mode: AffinitySession, Header: "X", Cookie: "a"}, `affinity.cookie: found "a", allowed: nothing with mode session`},
		{AffinityOptions{Mode: AffinityCookie, Header: "X"}, `affinity.header: found "X", allowed: nothing with mode cookie`},
		{AffinityOptions{Mode: AffinityClientIP, Header: "X"}, `affinity.header: found "X", allowed: nothing with mode client_ip`},
		{AffinityOptions{Mode: AffinityCookie, Cookie: "a;b"}, `affinity.cookie: found "a;b", allowed: 1 to 80 letters`},
		{AffinityOptions{Mode: AffinityAppCookie, AppCookie: "a=b"}, `affinity.app_cookie: found "a=b", allowed: 1 to 80 letters`},
		{AffinityOptions{Mode: AffinityAppCookie, AppCookie: "a", Cookie: "a"}, `affinity.app_cookie: found "a", allowed: another name`},
		{AffinityOptions{Mode: AffinityAppCookie, AppCookie: "evenkeel-shop"}, `affinity.app_cookie: found "evenkeel-shop", allowed: another name`},
		{AffinityOptions{Mode: AffinityClientIP, LoadFactor: 0.5}, "affinity.load_factor: found 0.5, allowed: 1 and more"},
		{AffinityOptions{Mode: AffinityClientIP, LoadFactor: math.NaN()}, "affinity.load_factor: found NaN"},
	} {
		grp := shop()
		grp.Affinity = tc.opt
		_, err := New(options(grp))
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), `group "shop": `+tc.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%+v: got %v, want %s", tc.opt, err, tc.want)
		}
	}
	for text, grp := range map[string]GroupOptions{
		"panic threshold 101, allowed: 0 to 100 percent": {PanicThreshold: 101},
		"panic threshold -1":                             {PanicThreshold: -1},
		"a negative time":                                {SlowStart: -time.Second},
	} {
		grp.Name = "shop"
		if _, err := New(options(grp)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %s", err, text)
		}
	}
}

const affinityExample = `version: 1
session: {idle_timeout: 20m}
affinity: {mode: cookie}
gateway:
  groups:
    - name: a
    - name: b
      policy: power_of_two
      slow_start: 30s
      panic_threshold: 40
      affinity: {mode: app_cookie, cookie: gw, app_cookie: JSESSIONID}
    - name: c
      affinity: {mode: session, app_cookie: __Host-session, load_factor: 1.5}
    - name: d
      affinity: {mode: client_ip}
`

func TestReadFileAffinity(t *testing.T) {
	opt, err := ReadFile(writeFile(t, affinityExample))
	if err != nil {
		t.Fatal(err)
	}
	var got []AffinityOptions
	for _, grp := range opt.Groups {
		got = append(got, grp.Affinity)
	}
	const idle = 20 * time.Minute
	want := []AffinityOptions{
		{Mode: AffinityCookie, IdleTimeout: idle},
		{Mode: AffinityAppCookie, Cookie: "gw", AppCookie: "JSESSIONID", IdleTimeout: idle},
		{Mode: AffinitySession, AppCookie: "__Host-session", LoadFactor: 1.5, IdleTimeout: idle},
		{Mode: AffinityClientIP, IdleTimeout: idle},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if b := opt.Groups[1]; b.Policy != PowerOfTwo || b.SlowStart != 30*time.Second || b.PanicThreshold != 40 {
		t.Errorf("got %v, %v, %d", b.Policy, b.SlowStart, b.PanicThreshold)
	}
	for _, tc := range []struct{ old, with, want string }{
		{", app_cookie: JSESSIONID", "", ":11:17: gateway.groups[1].affinity.app_cookie: missing, allowed: the name of the application's cookie, which mode app_cookie follows"},
		{"session, app_cookie: __Host-session,", "session,", ":13:17: gateway.groups[2].affinity.app_cookie: missing, allowed: the name of the cookie with the session ID, or that of a header under header, for mode session"},
		{"mode: client_ip", "mode: header", ":15:17: gateway.groups[3].affinity.header: missing, allowed: the name of the header, which mode header hashes"},
		{"mode: client_ip", "mode: client_ip, header: X-Real-IP", `:15:43: gateway.groups[3].affinity.header: found "X-Real-IP", allowed: nothing with mode client_ip`},
		{"affinity: {mode: cookie}", "affinity: {mode: header}", ":3:11: affinity.header: missing"},
		{"load_factor: 1.5", "load_factor: 0.9", ":13:74: gateway.groups[2].affinity.load_factor: found 0.9, allowed: 1 and more, or negative for no bound"},
		{"panic_threshold: 40", "panic_threshold: 140", ":10:24: gateway.groups[1].panic_threshold: found 140, allowed: 0 to 100 percent"},
		{"power_of_two", "random", `:8:15: gateway.groups[1].policy: found "random", allowed: round_robin, least_outstanding, power_of_two`},
		{"mode: client_ip", "mode: ip", `:15:24: gateway.groups[3].affinity.mode: found "ip", allowed: none, cookie, app_cookie, session, header, client_ip`},
	} {
		_, err := ReadFile(writeFile(t, strings.Replace(affinityExample, tc.old, tc.with, 1)))
		if err == nil || !strings.Contains(err.Error(), "evenkeel.yaml"+tc.want) || strings.Count(err.Error(), "allowed:") != 1 {
			t.Errorf("%s:\n got %v\nwant …%s", tc.with, err, tc.want)
		}
	}
}

package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// about are the fields that say something about the client, of an echoed
// request.
func about(body string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(body) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		plain := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		if ok && (aboutClient(plain) || plain == "Proxy") {
			out[name] = value
		}
	}
	return out
}

// claims are what a client says of itself.
var claims = []string{
	"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "X-Forwarded-Port: 1", "X-Forwarded-User: root", "X-Forwarded-Prefix: /x",
	"X-Forwarded-Client-Cert: x", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "True-Client-IP: 6.6.6.6", "CF-Connecting-IP: 6.6.6.6",
	"X_Forwarded_For: 6.6.6.6", "X-Forwarded_For: 6.6.6.6", "X_REAL_IP: 6.6.6.6", "Proxy: http://evil",
}

func TestUntrustedClaims(t *testing.T) {
	f := start(t, options(shop(app(t, "a", echo))))
	a := once(t, f.addr, "GET", "/", "", claims...)
	want := map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Port": "80", "X-Forwarded-Proto": "http"}
	if d := cmp.Diff(want, about(a.body)); d != "" {
		t.Error(d)
	}
}

// A trusted hop is believed, but names with underscores are never its own.
func TestTrustedClaims(t *testing.T) {
	opt := options(shop(app(t, "a", echo)))
	opt.Traffic.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f := start(t, opt)
	want := map[string]string{
		"X-Forwarded-For": "6.6.6.6, 127.0.0.1", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1", "X-Forwarded-User": "root",
		"X-Forwarded-Prefix": "/x", "X-Forwarded-Client-Cert": "x", "X-Real-Ip": "6.6.6.6", "True-Client-Ip": "6.6.6.6", "Cf-Connecting-Ip": "6.6.6.6",
	}
	if d := cmp.Diff(want, about(once(t, f.addr, "GET", "/", "", claims...).body)); d != "" {
		t.Error(d)
	}
	// A hop that names a scheme and no port has not named ours.
	got := about(once(t, f.addr, "GET", "/", "", "X-Forwarded-Proto: https").body)
	if _, ok := got["X-Forwarded-Port"]; ok || got["X-Forwarded-Proto"] != "https" {
		t.Errorf("got %v", got)
	}
}

func TestForwardedField(t *testing.T) {
	for _, tc := range []struct {
		trusted bool
		earlier string
		want    string
	}{
		{false, "", "for=127.0.0.1;host=shop.example;proto=http"},
		{false, "for=6.6.6.6", "for=127.0.0.1;host=shop.example;proto=http"},
		{true, "for=6.6.6.6;proto=https", "for=6.6.6.6;proto=https, for=127.0.0.1;host=shop.example;proto=http"},
	} {
		opt := options(shop(app(t, "a", echo)))
		opt.Traffic.Forwarded = true
		if tc.trusted {
			opt.Traffic.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		}
		f := start(t, opt)
		var fields []string
		if tc.earlier != "" {
			fields = append(fields, "Forwarded: "+tc.earlier)
		}
		if got := about(once(t, f.addr, "GET", "/", "", fields...).body)["Forwarded"]; got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestForwardedSyntax(t *testing.T) {
	for host, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8::1": `"[2001:db8::1]"`, "::ffff:192.0.2.1": "192.0.2.1", "@": "unknown", "": "unknown"} {
		if got := forwardedNode(host); got != want {
			t.Errorf("node %q is %s, want %s", host, got, want)
		}
	}
	for value, want := range map[string]string{
		"shop.example": "shop.example", "shop.example:8080": `"shop.example:8080"`, "[::1]:80": `"[::1]:80"`, "": `""`,
		`a"b\c`: `"a\"b\\c"`, "a;for=6.6.6.6": `"a;for=6.6.6.6"`, "a\r\nb\x00": `"ab"`, "é": `""`,
	} {
		if got := forwardedValue(value); got != want {
			t.Errorf("%q is %s, want %s", value, got, want)
		}
	}
	if got := remoteHost("[fe80::1%eth0]:4711"); got != "fe80::1" {
		t.Errorf("got %q", got)
	}
}

// The client is the last hop that nobody trusted vouches for.
func TestClientAddress(t *testing.T) {
	g := &Gateway{}
	g.opt.Traffic.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for chain, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "10.0.0.1": "10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.1": "192.0.2.1", "6.6.6.6,192.0.2.1,10.0.0.1,fd00::1": "192.0.2.1",
		"10.0.0.9, 10.0.0.1": "10.0.0.9", "junk\", 10.0.0.1": "-", "": "-", ", 10.0.0.1": "10.0.0.1",
	} {
		if got := g.clientAddress(chain); got != want {
			t.Errorf("%q: got %q, want %q", chain, got, want)
		}
	}
}

func FuzzForwardedValue(f *testing.F) {
	for _, s := range []string{"shop.example", `a"b\`, "a;for=x, for=y", "\x00\r\n", "[::1]:80", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := forwardedValue(s)
		if inner, ok := strings.CutPrefix(got, `"`); ok {
			inner, ok = strings.CutSuffix(inner, `"`)
			for ok && inner != "" { // of pairs and plain bytes, none of which ends the string
				switch {
				case inner[0] == '\\' && len(inner) > 1:
					inner = inner[2:]
				case inner[0] == '"' || inner[0] == '\\' || inner[0] < ' ' || inner[0] > '~':
					ok = false
				default:
					inner = inner[1:]
				}
			}
			if !ok {
				t.Errorf("%q is %s", s, got)
			}
			return
		}
		if got == "" || !wireToken(got) {
			t.Errorf("%q is %s", s, got)
		}
	})
}

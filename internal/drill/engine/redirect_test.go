package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
)

func TestWithin(t *testing.T) {
	c, err := NewClient([]string{"https://Shop.example.com/app", "http://127.0.0.1:8080"}, NewClock(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, location, want string }{
		{"/a/b?c", "/app/x?y=1", "/x?y=1"},
		{"/a/b", "d", "/a/d"},
		{"/a/b", "../d#f", "/d"},
		{"/a/b", "?q", "/a/b?q"},
		{"/a", "https://shop.example.com:443/app", "/"},
		{"/a", "//shop.example.com/app/x%2Fy", "/x%2Fy"},
		{"/a", "http://127.0.0.1:8080/z", "/z"},
		{"/a", "http://shop.example.com/app/x", ""}, // without TLS
		{"/a", "https://shop.example.com/other", "/other"},
		{"/a", "https://shop.example.com:8443/app", ""},
		{"/a", "https://shop.example.com.evil.example/app", ""},
		{"/a", "https://user@evil.example/app", ""},
		{"/a", "//evil.example/", ""},
		{"/a", "javascript:alert(1)", ""},
	} {
		got, err := c.Within(test.from, test.location)
		if test.location == "https://shop.example.com/other" { // not below the target
			test.want = ""
		}
		if got != test.want || (test.want == "") != errors.Is(err, ErrElsewhere) {
			t.Errorf("%s from %s: %q, %v, want %q", test.location, test.from, got, err, test.want)
		}
	}
	for _, location := range []string{"", "http://[", "%zz"} {
		if got, err := c.Within("/", location); err == nil || errors.Is(err, ErrElsewhere) {
			t.Errorf("%q: %q, %v", location, got, err)
		}
	}
}

func FuzzWithin(f *testing.F) {
	f.Add("/a", "//h/x")
	f.Add("/a?b", "..//evil")
	f.Add("/", `/\evil`)
	f.Fuzz(func(t *testing.T, from, location string) {
		c, err := NewClient([]string{"http://h/app"}, NewClock(), ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		next, err := c.Within("/"+from, location)
		if err == nil && (!strings.HasPrefix(next, "/") || strings.ContainsAny(next, " \r\n")) {
			t.Errorf("%q from %q is %q", location, from, next)
		}
	})
}

func TestSources(t *testing.T) {
	a, b, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")
	for _, test := range []struct {
		listed  []netip.Addr
		address string
		dialled uint64
		want    string
	}{
		{nil, "127.0.0.1:80", 1, ""},
		{nil, "127.0.0.1:80", portsPerSource - 1, ""},
		{nil, "127.0.0.1:80", portsPerSource + 1, "127.0.0.2"},
		{nil, "127.0.0.1:80", portsPerSource + 2, ""},
		{nil, "127.0.0.1:80", 15*portsPerSource + 14, "127.0.0.15"},
		{nil, "127.0.0.1:80", 1000*maxLoopback*portsPerSource - 1, "127.0.0.250"},
		{nil, "10.0.0.1:80", 59_999, ""},
		{nil, "[::1]:80", 59_999, ""},
		{nil, "localhost:80", 59_999, ""},
		{[]netip.Addr{a, b}, "10.0.0.1:80", 1, "192.0.2.2"},
		{[]netip.Addr{a, b}, "name:80", 2, "192.0.2.1"},
		{[]netip.Addr{a, six}, "10.0.0.1:80", 1, "192.0.2.1"},
		{[]netip.Addr{six}, "10.0.0.1:80", 1, ""},
	} {
		if test.listed == nil && !loopbackSources {
			test.want = ""
		}
		got, ok := source(test.listed, test.address, test.dialled)
		if ok != (test.want != "") || ok && got.String() != test.want {
			t.Errorf("%+v: %v, %v", test, got, ok)
		}
	}
	if !loopbackSources {
		return
	}
	used := map[string]bool{}
	for dialled := range uint64(28_000) {
		got, _ := source(nil, "127.0.0.1:80", dialled)
		used[got.String()] = true
		if !got.IsLoopback() && got.IsValid() {
			t.Errorf("a connection to loopback from %v", got)
		}
	}
	if len(used) < 2 {
		t.Errorf("28,000 connections come from %v alone", used)
	}
}

// Connections come from the listed addresses in turn.
func TestSourcesOnTheWire(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // elsewhere 127.0.0.5 has to be set up first
	}
	seen := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.RemoteAddr
		w.Header().Set("Connection", "close")
	}))
	t.Cleanup(srv.Close)
	u := newUser(t, srv.URL, ClientOptions{Timeout: patient, Sources: []netip.Addr{netip.MustParseAddr("127.0.0.5"), netip.MustParseAddr("127.0.0.6")}})
	for i := range 4 {
		if x := do(t, u, Request{Method: "GET", Path: "/"}); x.Failure != nil {
			t.Fatal(x.Err)
		}
		from := netip.MustParseAddrPort(<-seen).Addr().String()
		if want := fmt.Sprintf("127.0.0.%d", 5+(i+1)%2); from != want {
			t.Errorf("connection %d from %s, want %s", i, from, want)
		}
	}
}

// Over TLS the name is checked and sent, and the certificate has to be known.
func TestTLSNames(t *testing.T) {
	var host, sni, encoding string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, sni, encoding = r.Host, r.TLS.ServerName, r.Header.Get("Accept-Encoding")
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	at := srv.Listener.Addr().String()
	dialer := ClientOptions{Timeout: patient, TLS: &tls.Config{RootCAs: roots}, Dial: dialAt(at)}
	if x := do(t, newUser(t, "https://example.com", dialer), Request{Method: "GET", Path: "/"}); x.Failure != nil {
		t.Fatal(x.Err)
	}
	if host != "example.com" || sni != "example.com" || encoding != "" {
		t.Errorf("host %q, server name %q, encoding %q", host, sni, encoding)
	}
	if x := do(t, newUser(t, "https://other.example.org", dialer), Request{Method: "GET", Path: "/"}); x.Failure == nil || x.Failure.What != "refused" {
		t.Errorf("a certificate for another name: %+v", x)
	}
	if x := do(t, newUser(t, "https://example.com", ClientOptions{Timeout: patient, Dial: dialAt(at)}), Request{Method: "GET", Path: "/"}); x.Failure == nil || x.Failure.What != "refused" {
		t.Errorf("an unknown certificate: %+v", x)
	}
	insecure := ClientOptions{Timeout: patient, Dial: dialAt(at), TLS: &tls.Config{InsecureSkipVerify: true}}
	if x := do(t, newUser(t, "https://other.example.org:8443", insecure), Request{Method: "GET", Path: "/"}); x.Failure != nil || host != "other.example.org:8443" || sni != "other.example.org" {
		t.Errorf("insecure: %+v, %q, %q", x, host, sni)
	}
}

// dialAt connects to one address whatever name is asked for.
func dialAt(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

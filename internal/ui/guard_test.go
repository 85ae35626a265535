package ui

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

func TestOtherSitesAreRefused(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	for _, path := range []string{"/api/do", "/api/strategy"} {
		body := map[string]string{"/api/do": `{"action":"kill"}`, "/api/strategy": `{"strategy":"evenkeel"}`}[path]
		for _, h := range [][2]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://example.com"}, {"Origin", "null"}, {"Origin", "http://localhost:1"},
		} {
			if r := s.do(http.MethodPost, path, body, header(h[0], h[1])); r.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %v: %d", path, h, r.StatusCode)
			}
		}
	}
	if r := s.do(http.MethodGet, "/api/events", "", header("Sec-Fetch-Site", "cross-site")); r.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page may take a viewer's place: %d", r.StatusCode)
	}
	if got := s.src.touched(); got != "[] []" {
		t.Errorf("something was done: %s", got)
	}
	for _, h := range [][2]string{{"Sec-Fetch-Site", "same-origin"}, {"Origin", s.url}} {
		if r := s.do(http.MethodPost, "/api/do", `{"action":"kill"}`, header(h[0], h[1])); r.StatusCode != http.StatusAccepted {
			t.Errorf("the page's own request with %v: %d %s", h, r.StatusCode, r.body)
		}
	}
}

func TestHost(t *testing.T) {
	s := newStand(t, newFake(), Options{Hosts: []string{"demo.example"}})
	for _, name := range []string{"localhost", "localhost:8080", "LOCALHOST.", "shop.localhost:1", "127.0.0.1:9", "127.7.7.7", "[::1]:8080", "demo.example:80", "Demo.Example"} {
		if r := s.do(http.MethodGet, "/", "", host(name)); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	for _, name := range []string{"evil.example", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example", "10.0.0.1", "demo.example.evil", "[::2]", "1.2.3.4:80"} {
		for _, path := range []string{"/", "/api/state", "/assets/page.js", "/shop/"} {
			if r := s.do(http.MethodGet, path, "", host(name)); r.StatusCode != http.StatusForbidden {
				t.Errorf("%s%s: %d", name, path, r.StatusCode)
			}
		}
		if r := s.do(http.MethodPost, "/api/do", `{"action":"kill"}`, host(name)); r.StatusCode != http.StatusForbidden {
			t.Errorf("POST for %s: %d", name, r.StatusCode)
		}
	}
	if got := s.src.touched(); got != "[] []" {
		t.Errorf("something was done: %s", got)
	}
}

// The address that was connected to is no name that a stranger can point here.
func TestHostMayBeTheListenersAddress(t *testing.T) {
	p := New(newFake(), http.NotFoundHandler(), Options{})
	for addr, want := range map[string]int{"192.0.2.7": http.StatusOK, "192.0.2.8": http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodGet, "http://192.0.2.7:8080/", nil)
		local := &net.TCPAddr{IP: net.ParseIP(addr), Port: 8080}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("connected to %s: %d, want %d", addr, w.Code, want)
		}
	}
}

func TestShopIsUntouched(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	for _, c := range [][3]string{
		{"GET", "/shop/", ""}, {"POST", "/shop/cart?x=1", "item=sloop"}, {"DELETE", "/shop/a//b/../c", ""}, {"PATCH", "/shop/%2e%2e/x", "y"},
	} {
		r := s.do(c[0], c[1], c[2], header("Origin", "https://example.com"))
		if want := c[0] + " " + c[1] + " " + c[2]; r.body != want {
			t.Errorf("got %q, want %q", r.body, want)
		}
		for _, h := range []string{"Content-Security-Policy", "X-Frame-Options", "Cache-Control"} {
			if v := r.Header.Get(h); v != "" {
				t.Errorf("%s: the page's %s: %s", c[1], h, v)
			}
		}
	}
	if r := s.do(http.MethodGet, "/shop", ""); r.StatusCode != http.StatusFound || r.Header.Get("Location") != "/shop/" {
		t.Errorf("/shop: %d", r.StatusCode)
	}
}

func TestPolicyAllowsNothingInline(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	r := s.do(http.MethodGet, "/", "")
	policy := r.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'self'", "frame-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
		t.Error(policy)
	}
	if got := r.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Error(got)
	}
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*)>[^<]|javascript:|https?://`)
	if got := inline.FindString(r.body); got != "" {
		t.Errorf("the page has %q", got)
	}
}

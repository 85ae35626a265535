package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"
)

// guard keeps strangers out: beyond loopback everything but the probes needs
// the token, and a write must neither come from another site's page (any page
// may post to loopback) nor be addressed to a name that only resolves to us
// (names can be rebound).
func (g *Gateway) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if g.leaving.Load() {
			h.Set("Connection", "close") // after an upgrade the next call must meet the new process
		}
		if r.URL.Path == "/livez" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		if !localIsLoopback(r) && !g.hasToken(r) {
			h.Set("WWW-Authenticate", "Bearer")
			adminError(w, http.StatusUnauthorized, "beyond loopback the admin API needs its token: Authorization: Bearer TOKEN")
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if !g.hostIsOurs(r) {
				adminError(w, http.StatusForbidden, "Host "+quote(r.Host)+" is not this listener's")
				return
			}
			if !sameOrigin(r) {
				adminError(w, http.StatusForbidden, "Origin "+quote(r.Header.Get("Origin"))+" is another site's")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func quote(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	return "\"" + s + "\""
}

// localAddr is the address that the client connected to; nil is unknown.
func localAddr(r *http.Request) net.Addr {
	a, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return a
}

func localIsLoopback(r *http.Request) bool {
	a := localAddr(r)
	return a != nil && isLoopback(a)
}

// hasToken compares in constant time.
func (g *Gateway) hasToken(r *http.Request) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || g.opt.Admin.Token == "" {
		return false
	}
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(g.opt.Admin.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// hostIsOurs reports whether Host is the address that the client connected
// to, localhost on loopback, or one of the configured names.
func (g *Gateway) hostIsOurs(r *http.Request) bool {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = strings.Trim(r.Host, "[]"), "80"
	}
	if slices.ContainsFunc(g.opt.Admin.Hosts, func(name string) bool {
		return strings.EqualFold(name, host) || strings.EqualFold(name, r.Host)
	}) {
		return true
	}
	local := localAddr(r)
	if local == nil {
		return false
	}
	ourHost, ourPort, err := net.SplitHostPort(local.String())
	if err != nil || port != ourPort {
		return false
	}
	if isLoopback(local) && strings.EqualFold(host, "localhost") {
		return true
	}
	a, b := net.ParseIP(host), net.ParseIP(ourHost)
	return a != nil && a.Equal(b)
}

// sameOrigin reports whether a write comes from one of our own pages or from
// no page at all.
func sameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return len(origins) == 0 || len(origins) == 1 && strings.EqualFold(origins[0], scheme+r.Host)
}

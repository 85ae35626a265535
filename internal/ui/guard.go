package ui

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// csp allows what is embedded here and the shop in a frame, no script or style
// inside the markup, and nobody to frame the page.
const csp = "default-src 'self'; frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler returns the page under /, its assets under /assets/, its API under
// /api/ and the shop under /shop/.
func (p *Page) Handler() http.Handler {
	own := p.own()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.hostIsOurs(r) {
			headers(w.Header())
			refuse(w, http.StatusForbidden, refusal{Error: "Host " + quoted(r.Host) + " is not this listener's"})
			return
		}
		// Not through the mux, which cleans paths.
		if strings.HasPrefix(r.URL.Path, "/shop/") {
			p.shop.ServeHTTP(w, r)
			return
		}
		headers(w.Header())
		own.ServeHTTP(w, r)
	})
}

// own serves all but the shop.
func (p *Page) own() http.Handler {
	mux := http.NewServeMux()
	read := []string{http.MethodGet, http.MethodHead}
	mux.Handle("/{$}", only(p.assets.servePage, read...))
	mux.Handle("/assets/", only(p.assets.serve, read...))
	mux.Handle("/shop", only(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/shop/", http.StatusFound)
	}, read...))
	mux.Handle("/api/state", sameSite(only(p.serveState, read...)))
	mux.Handle("/api/events", sameSite(only(p.serveEvents, http.MethodGet)))
	mux.Handle("/api/do", sameSite(only(p.serveDo, http.MethodPost)))
	mux.Handle("/api/strategy", sameSite(only(p.serveStrategy, http.MethodPost)))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, refusal{Error: "there is no such call"})
	})
	return mux
}

func headers(h http.Header) {
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// only refuses other methods.
func only(next http.HandlerFunc, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			refuse(w, http.StatusMethodNotAllowed, refusal{Error: "method " + quoted(r.Method) + " is not allowed here; allowed: " + strings.Join(methods, ", ")})
			return
		}
		next(w, r)
	})
}

// sameSite refuses what another site's page sends. It could not read answers,
// but it could write, and take the viewers' places.
func sameSite(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		if protection.Check(r) != nil || site == "cross-site" || site == "same-site" {
			refuse(w, http.StatusForbidden, refusal{Error: "the request comes from another site's page"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostIsOurs reports whether Host is a loopback name, the address that was
// connected to, or a configured name. Any other name may be a stranger's that
// only resolves to us, whose pages would then count as same-origin. The port
// proves nothing and may be a forwarded one.
func (p *Page) hostIsOurs(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if slices.ContainsFunc(p.opt.Hosts, func(name string) bool { return strings.EqualFold(name, host) }) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr == local.AddrPort().Addr().Unmap().WithZone("")
}

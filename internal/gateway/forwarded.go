package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientFields are what applications believe about the client, besides
// everything that begins with X-Forwarded-.
var clientFields = map[string]bool{
	"Cf-Connecting-Ip": true, "Fastly-Client-Ip": true, "Forwarded": true, "Front-End-Https": true, "True-Client-Ip": true,
	"X-Client-Ip": true, "X-Cluster-Client-Ip": true, "X-Original-Forwarded-For": true, "X-Original-Host": true,
	"X-Original-Proto": true, "X-Real-Ip": true, "X-Scheme": true,
}

func aboutClient(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded-") || clientFields[name]
}

// framingFields describe a message, not what it says.
var framingFields = map[string]bool{"Connection": true, "Content-Length": true, "Host": true, "Transfer-Encoding": true}

// dropClaims drops what the client says about itself, unless it is trusted,
// and whatever a target of the CGI family would take for such a field: there
// X_Forwarded_For is X-Forwarded-For, and Proxy is the variable HTTP_PROXY.
func dropClaims(h http.Header, trusted bool) {
	for name := range h {
		switch {
		case !trusted && aboutClient(name), name == "Proxy":
			delete(h, name)
		case strings.IndexByte(name, '_') >= 0:
			plain := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
			if aboutClient(plain) || framingFields[plain] || plain == "Proxy" {
				delete(h, name)
			}
		}
	}
}

// forwarded says who the client is and what it asked for. Unless the hop
// before us is trusted, what it said about that is dropped.
func (x *exchange) forwarded(h http.Header) {
	remote := remoteHost(x.r.RemoteAddr)
	scheme, port := "http", "80"
	if x.r.TLS != nil {
		scheme, port = "https", "443"
	}
	dropClaims(h, x.g.trusts(remote))
	x.chain(h, remote, scheme)
	x.fwd = [4]string{remote, x.r.Host, scheme, port}
	if earlier := h["X-Forwarded-For"]; len(earlier) > 0 {
		x.fwd[0] = strings.Join(earlier, ", ") + ", " + remote
	}
	if _, named, err := net.SplitHostPort(x.r.Host); err == nil && named != "" {
		x.fwd[3] = named
	}
	h["X-Forwarded-For"] = x.fwd[0:1:1]
	ours := h["X-Forwarded-Host"] == nil && h["X-Forwarded-Proto"] == nil
	if h["X-Forwarded-Host"] == nil && x.r.Host != "" {
		h["X-Forwarded-Host"] = x.fwd[1:2:2]
	}
	if h["X-Forwarded-Proto"] == nil {
		h["X-Forwarded-Proto"] = x.fwd[2:3:3]
	}
	if ours && h["X-Forwarded-Port"] == nil { // or it would not fit the others
		h["X-Forwarded-Port"] = x.fwd[3:4:4]
	}
}

// chain keeps the field of RFC 7239. A trusted hop that writes X-Forwarded-*
// only passes a client's Forwarded on as it came, so it needs the option.
func (x *exchange) chain(h http.Header, remote, scheme string) {
	if !x.g.opt.Traffic.Forwarded {
		delete(h, "Forwarded")
		return
	}
	element := "for=" + forwardedNode(remote) + ";host=" + forwardedValue(x.r.Host) + ";proto=" + scheme
	h["Forwarded"] = []string{strings.Join(append(h["Forwarded"], element), ", ")}
}

// forwardedNode is RFC 7239, 6: an IPv6 address stands in brackets and quotes,
// and what is no address (a Unix socket) is unknown.
func forwardedNode(host string) string {
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return "unknown"
	case addr.Unmap().Is4():
		return addr.Unmap().String()
	}
	return `"[` + addr.WithZone("").String() + `]"`
}

// forwardedValue is a token, or a quoted string without control bytes.
func forwardedValue(s string) string {
	if s != "" && strings.IndexFunc(s, notToken) < 0 {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// notToken is about RFC 9110, 5.6.2.
func notToken(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// remoteHost is the address without port and zone.
func remoteHost(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}

func (g *Gateway) trusts(host string) bool {
	if len(g.opt.Traffic.Trusted) == 0 {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(g.opt.Traffic.Trusted, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// clientAddress is the last hop that is not trusted. X-Forwarded-For is as we
// send it: what untrusted hops said is not in it.
func (g *Gateway) clientAddress(forwardedFor string) string {
	for {
		rest, last := "", forwardedFor
		if i := strings.LastIndexByte(forwardedFor, ','); i >= 0 {
			rest, last = forwardedFor[:i], forwardedFor[i+1:]
		}
		last = strings.TrimSpace(last)
		if rest == "" || !g.trusts(last) {
			if addr, err := netip.ParseAddr(last); err == nil {
				return addr.String()
			}
			return "-"
		}
		forwardedFor = rest
	}
}

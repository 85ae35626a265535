package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// prepare makes the request that goes to the target out of the client's. The
// client's Header is changed in place: nobody else reads it any more.
func (x *exchange) prepare() {
	r, h := x.r, x.r.Header
	upgrade := ""
	if r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 && hasToken(h["Connection"], "upgrade") {
		upgrade = h.Get("Upgrade")
	}
	trailers := hasToken(h["Te"], "trailers")
	dropHopByHop(h)
	if trailers {
		h["Te"] = []string{"trailers"}
	}
	x.forwarded(h)

	x.out.Method, x.out.Host, x.out.Header, x.out.Upgrade = r.Method, r.Host, h, upgrade
	x.out.Target = r.RequestURI
	if !strings.HasPrefix(r.RequestURI, "/") { // absolute form
		x.out.Target = r.URL.RequestURI()
	}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		src := r.Body
		if limit := x.g.opt.Traffic.MaxBodyBytes; limit > 0 {
			src = http.MaxBytesReader(x.w, src, limit)
		}
		x.body = newReplayBody(src, r.ContentLength)
		x.out.Body, x.out.ContentLength = &x.body, r.ContentLength
		if len(r.Trailer) > 0 { // the server took the Trailer field away
			for name := range r.Trailer {
				h.Add("Trailer", name)
			}
			x.out.Trailer = func() http.Header { return r.Trailer }
		}
	}
	if r.ProtoAtLeast(1, 1) {
		x.out.Informational = x.inform
	}
}

// hopByHop are the fields of RFC 9110, 7.6.1, and its predecessors, that end
// here whether or not Connection names them.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func dropHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				h.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// hasToken reports whether a comma-separated field contains token.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			t, _, _ = strings.Cut(t, ";")
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// forwardedFields are what applications believe about the client.
var forwardedFields = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
	"X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Real-Ip",
}

// forwarded says who the client is and what it asked for. Unless the hop
// before us is trusted, what it said about that is dropped.
func (x *exchange) forwarded(h http.Header) {
	x.fwd[0] = remoteHost(x.r.RemoteAddr)
	x.fwd[1] = x.r.Host
	x.fwd[2] = "http"
	if x.r.TLS != nil {
		x.fwd[2] = "https"
	}
	if !x.g.trusts(x.fwd[0]) {
		for _, name := range forwardedFields {
			delete(h, name)
		}
	}
	if earlier := h["X-Forwarded-For"]; len(earlier) > 0 {
		x.fwd[0] = strings.Join(earlier, ", ") + ", " + x.fwd[0]
	}
	h["X-Forwarded-For"] = x.fwd[0:1:1]
	if h["X-Forwarded-Host"] == nil {
		h["X-Forwarded-Host"] = x.fwd[1:2:2]
	}
	if h["X-Forwarded-Proto"] == nil {
		h["X-Forwarded-Proto"] = x.fwd[2:3:3]
	}
}

func remoteHost(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

func (g *Gateway) trusts(host string) bool {
	if len(g.opt.Traffic.Trusted) == 0 {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(g.opt.Traffic.Trusted, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

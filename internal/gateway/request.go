package gateway

import (
	"net/http"
	"strings"

	"github.com/evenkeel/evenkeel/internal/relay"
)

// prepare makes the request that goes to the target out of the client's. The
// client's Header is changed in place: nobody else reads it any more.
func (x *exchange) prepare() {
	r, h := x.r, x.r.Header
	upgrade := relay.Upgrade(r)
	relay.DropHopByHop(h)
	x.forwarded(h)
	passTrace(h)

	x.out.Method, x.out.Host, x.out.Header, x.out.Upgrade = r.Method, r.Host, h, upgrade
	x.out.Target = r.RequestURI
	if !strings.HasPrefix(r.RequestURI, "/") { // absolute form
		x.out.Target = r.URL.RequestURI()
	}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		src := r.Body
		if limit := x.g.opt.Traffic.Limits.BodyBytes; limit > 0 {
			src = http.MaxBytesReader(x.w, src, limit)
		}
		x.body = newReplayBody(src, r.ContentLength)
		x.out.Body, x.out.ContentLength = &x.body, r.ContentLength
		if len(r.Trailer) > 0 { // the server took the Trailer field away
			for name := range passTrailer(r.Trailer) {
				h.Add("Trailer", name)
			}
			x.out.Trailer = func() http.Header { return passTrailer(r.Trailer) }
		}
	}
	if r.ProtoAtLeast(1, 1) {
		x.out.Informational = x.inform
	}
}

// notTrailers are read by targets before a body comes: who asks, and for what
// (RFC 9110, 6.5.1).
var notTrailers = map[string]bool{
	"Authorization": true, "Cache-Control": true, "Content-Encoding": true, "Content-Range": true, "Content-Type": true,
	"Cookie": true, "Expect": true, "Max-Forwards": true, "Range": true, "Traceparent": true, "Tracestate": true,
}

// passTrailer returns the fields after a body that may go on. Those which the
// gateway drops, writes or looks at in a head could otherwise be slipped in
// behind it.
func passTrailer(t http.Header) http.Header {
	out := make(http.Header, len(t))
	for name, values := range t {
		if !notTrailers[name] && !relay.HopByHop(name) {
			out[name] = values
		}
	}
	dropClaims(out, false)
	return out
}

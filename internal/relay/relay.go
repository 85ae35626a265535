// Package relay is what every HTTP intermediary does to a message: fields that
// belong to one connection end, everything else passes on as it came.
//
//	upgrade := relay.Upgrade(r)       // "websocket", or nothing
//	relay.DropHopByHop(r.Header)      // before it goes to the target
//	relay.CopyHeader(w.Header(), resp.Header, resp.Trailer != nil)
//	io.Copy(relay.Flushing(w), resp.Body)
//	relay.CopyTrailer(w.Header(), resp.Trailer())
//
// Guarantees: no field of RFC 9110, 7.6.1, and its predecessors passes, named
// in Connection or not; TE passes only as "trailers", Upgrade only where it is
// returned.
//
// Not guaranteed: anything about framing; package upstream writes and reads it.
package relay

import (
	"net/http"
	"slices"
	"strings"
)

// hopByHop are the fields of one connection.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
}

// HopByHop tells whether a field, in its canonical spelling, is of one
// connection.
func HopByHop(name string) bool { return slices.Contains(hopByHop, name) }

// Upgrade is the protocol that an HTTP/1.1 request may ask the target for: a
// single one, and not another HTTP, whose requests nobody would look at.
func Upgrade(r *http.Request) string {
	lines := r.Header["Upgrade"]
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 || !HasToken(r.Header["Connection"], "upgrade") ||
		len(lines) != 1 || strings.Contains(lines[0], ",") {
		return ""
	}
	name, _, _ := strings.Cut(strings.ToLower(lines[0]), "/")
	if name == "h2c" || name == "h2" || name == "http" || name == "tls" {
		return ""
	}
	return lines[0]
}

// DropHopByHop takes a request's fields out that end here.
func DropHopByHop(h http.Header) {
	trailers := HasToken(h["Te"], "trailers")
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
	if trailers {
		h["Te"] = []string{"trailers"}
	}
}

// CopyHeader adds the fields of an answer that pass on; Trailer is among them
// if trailers follow. An answer without Content-Type stays without one.
func CopyHeader(to, from http.Header, trailers bool) {
	for name, values := range from {
		if !HopByHop(name) || name == "Trailer" && trailers {
			to[name] = values
		}
	}
	if _, ok := to["Content-Type"]; !ok {
		to["Content-Type"] = nil // or net/http would guess one
	}
}

// CopyTrailer adds the fields after the body: those that the Trailer field
// announced under their names, others by net/http's prefix.
func CopyTrailer(h, trailer http.Header) {
	announced := h["Trailer"]
	for name, values := range trailer {
		if !HasToken(announced, name) {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// Inform passes an interim answer on.
func Inform(w http.ResponseWriter, status int, h http.Header) {
	out := w.Header()
	for name, values := range h {
		if !HopByHop(name) {
			out[name] = values
		}
	}
	w.WriteHeader(status)
	clear(out)
}

// HasToken reports whether a comma-separated field has token among its
// elements, whatever their parameters.
func HasToken(lines []string, token string) bool {
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

// Flusher is a writer that passes each piece on at once.
type Flusher struct {
	w http.ResponseWriter
	c *http.ResponseController
}

// Flushing returns one for w.
func Flushing(w http.ResponseWriter) *Flusher { return &Flusher{w, http.NewResponseController(w)} }

// Flush sends what was written so far, at least the head.
func (f *Flusher) Flush() error { return f.c.Flush() }

// Write implements io.Writer.
func (f *Flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.c.Flush()
}

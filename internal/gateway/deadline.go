package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// errBodyIdle is a client that stopped to send the body it had announced.
var errBodyIdle = errors.New("no byte of the request body came in time")

// idleBody ends a request body of which nothing comes for a while. The
// deadline is set while somebody waits for the body only: a slow target is not
// the client's fault.
type idleBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	limit time.Duration
	h2    bool
	set   time.Time // when the deadline of the connection was last moved
}

// guard refuses what the server let through, and bounds how long the request's
// body may be waited for. HTTP/1.1's server reads what a handler left of a
// body, so the time begins at once, whether or not anybody here reads.
func (x *exchange) guard() bool {
	if !wellFormed(x.r) {
		x.refuse(http.StatusBadRequest, nil, "the request is malformed")
		return false
	}
	limit := x.g.opt.Traffic.Limits.BodyIdle
	if limit <= 0 || x.r.Body == nil || x.r.Body == http.NoBody || x.r.ContentLength == 0 {
		return true
	}
	b := &idleBody{ReadCloser: x.r.Body, rc: http.NewResponseController(x.w), limit: limit, h2: x.r.ProtoMajor == 2}
	if !b.h2 {
		b.arm()
	}
	// The server looks at its own request's Body when it decides what of it to
	// read before the answer; behind a 100-continue that must not be ours.
	r := *x.r
	r.Body, x.r = b, &r
	return true
}

// wellFormed is about two things that net/http's server takes as they come in
// HTTP/2: a :path in absolute form, and a content-length that is no number (RFC
// 9113, 8.3.1 and 8.1.1).
func wellFormed(r *http.Request) bool {
	if r.ProtoMajor != 2 {
		return true
	}
	if !strings.HasPrefix(r.RequestURI, "/") && (r.RequestURI != "*" || r.Method != http.MethodOptions) {
		return false
	}
	length := r.Header["Content-Length"]
	return len(length) == 0 || len(length) == 1 && length[0] != "" && strings.Trim(length[0], "0123456789") == ""
}

// arm moves the deadline. Without one there is no bound: every server that Run
// begins has them. Moving it costs, so a piece of the limit early is near
// enough.
func (b *idleBody) arm() {
	if now := time.Now(); b.h2 || now.Sub(b.set) > b.limit/8 {
		b.set = now
		_ = b.rc.SetReadDeadline(now.Add(b.limit))
	}
}

// Read implements io.Reader.
func (b *idleBody) Read(p []byte) (int, error) {
	b.arm()
	n, err := b.ReadCloser.Read(p)
	if b.h2 { // where a deadline that passes ends the body for good; HTTP/1.1's server clears it at the body's end
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w: %w", errBodyIdle, err)
	}
	return n, err
}

// stallWriter ends an answer of which the client takes nothing for a while,
// where the kernel does not see that: the flow control of an HTTP/2 stream.
type stallWriter struct {
	w     io.Writer
	rc    *http.ResponseController
	limit time.Duration
}

// Write implements io.Writer.
func (s *stallWriter) Write(p []byte) (int, error) {
	_ = s.rc.SetWriteDeadline(time.Now().Add(s.limit))
	n, err := s.w.Write(p)
	if err == nil {
		_ = s.rc.SetWriteDeadline(time.Time{}) // the next piece may take its time to come
	}
	return n, err
}

// FlushError passes on what the server holds back, with the same bound.
func (s *stallWriter) FlushError() error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(s.limit))
	err := s.rc.Flush()
	if err == nil {
		_ = s.rc.SetWriteDeadline(time.Time{})
	}
	return err
}

// bounded is where the answer's body goes: to, or the same with a bound.
func (x *exchange) bounded(to io.Writer) io.Writer {
	limit := x.g.opt.Traffic.Limits.WriteStall
	if limit <= 0 || x.r.ProtoMajor == 1 && stallByKernel {
		return to
	}
	return &stallWriter{w: to, rc: http.NewResponseController(x.w), limit: limit}
}

// end is the last of a request: what HTTP/2's server still has to write of the
// answer is bounded, too.
func (x *exchange) end(start time.Time) {
	if limit := x.g.opt.Traffic.Limits.WriteStall; limit > 0 && x.r.ProtoMajor == 2 {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(limit))
	}
	x.log(start)
}

// closes reports whether the client's connection ends with this answer. That
// of an HTTP/1.0 request with a body does: net/http's server does not show
// whether it had a Transfer-Encoding, with which its end is uncertain (RFC
// 9112, 6.1).
func (x *exchange) closes() bool {
	return x.g.leaving.Load() || !x.r.ProtoAtLeast(1, 1) && x.r.ContentLength != 0
}

package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/upstream"
)

// respond passes the target's answer on. If it breaks off the client's
// connection is aborted: half an answer must not look like a whole one.
func (x *exchange) respond(resp *upstream.Response) {
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		x.tunnel(resp)
		return
	}
	h := x.w.Header()
	for name, values := range resp.Header {
		if !slices.Contains(hopByHop, name) || name == "Trailer" && resp.Trailer != nil {
			h[name] = values
		}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // or net/http would guess one
	}
	if resp.ContentLength >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	}
	if x.g.leaving.Load() {
		h.Set("Connection", "close")
	}
	x.setCookie(h)
	x.status = resp.StatusCode
	x.group.counters.answered(resp.StatusCode)

	events := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
	if events {
		x.on.markStream(x)
	}
	x.w.WriteHeader(resp.StatusCode)
	var to io.Writer = x.w
	if events || resp.ContentLength < 0 && resp.Body != http.NoBody {
		f := &flusher{w: x.w, c: http.NewResponseController(x.w)}
		if err := f.c.Flush(); err != nil {
			panic(http.ErrAbortHandler)
		}
		to = f
	}
	n, err := io.Copy(to, resp.Body)
	x.bytes = n
	if err != nil {
		x.broken(err)
	}
	if resp.Trailer != nil {
		writeTrailer(h, resp.Trailer())
	}
}

// broken ends an answer that cannot be completed.
func (x *exchange) broken(err error) {
	var failure *upstream.Error
	if errors.As(err, &failure) && x.r.Context().Err() == nil {
		x.lastErr = failure
		x.group.counters.aborted.Add(1)
	}
	panic(http.ErrAbortHandler)
}

// writeTrailer adds the fields after the body: those that the Trailer field
// announced under their names, others by net/http's prefix.
func writeTrailer(h, trailer http.Header) {
	announced := h["Trailer"]
	for name, values := range trailer {
		if !hasToken(announced, name) {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// flusher passes each piece on at once.
type flusher struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.c.Flush()
}

// inform passes an interim response on.
func (x *exchange) inform(status int, h http.Header) {
	out := x.w.Header()
	for name, values := range h {
		if !slices.Contains(hopByHop, name) {
			out[name] = values
		}
	}
	x.w.WriteHeader(status)
	clear(out)
}

// refuseNone answers when there is no target to send to: nobody is there, or
// all that are have failed.
func (x *exchange) refuseNone() {
	switch {
	case x.strictly:
		x.refuse(http.StatusServiceUnavailable, x.bound, "the session's target is leaving")
	case x.lastErr != nil:
		x.refuseFailed(x.lastErr)
	default:
		x.refuse(http.StatusServiceUnavailable, nil, "no target is available")
	}
}

// refuseFailed answers after the last attempt.
func (x *exchange) refuseFailed(err *upstream.Error) {
	e := x.last
	if x.held != nil && x.held != x.bound {
		x.held.bindings.Remove(x.binding) // no cookie goes out
	}
	var tooLarge *http.MaxBytesError
	switch {
	case x.r.Context().Err() != nil:
		x.status = statusClientGone
		panic(http.ErrAbortHandler)
	case errors.As(err.Err, &tooLarge):
		x.refuse(http.StatusRequestEntityTooLarge, nil, "the request body is too large")
	case err.Client:
		x.refuse(http.StatusBadRequest, nil, "the request cannot be forwarded")
	case errors.Is(err.Err, errCut):
		x.refuse(http.StatusServiceUnavailable, e, "the target has left")
	case err.Timeout():
		x.refuse(http.StatusGatewayTimeout, e, "the target did not answer in time")
	default:
		x.refuse(http.StatusBadGateway, e, "the target failed")
	}
}

// statusClientGone is nginx's code in access logs for a client that left.
const statusClientGone = 499

// refuse is an answer of the gateway's own. X-Instance names the target that
// failed, if one was chosen.
func (x *exchange) refuse(status int, e *entry, text string) {
	h := x.w.Header()
	clear(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if e != nil {
		h.Set("X-Instance", e.ID)
	}
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	if x.g.leaving.Load() {
		h.Set("Connection", "close")
	}
	x.status = status
	if x.group != nil {
		x.group.counters.refused(status)
	}
	x.w.WriteHeader(status)
	fmt.Fprintf(x.w, "%d %s: %s\n", status, http.StatusText(status), text)
}

// targetID is for logs: where the request went last, - if nowhere.
func (x *exchange) targetID() string {
	if x.last == nil {
		return "-"
	}
	return x.last.ID
}

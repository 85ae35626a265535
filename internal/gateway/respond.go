package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/relay"
	"github.com/evenkeel/evenkeel/internal/streams"
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
	relay.CopyHeader(h, resp.Header, resp.Trailer != nil)
	if resp.ContentLength >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	}
	if x.closes() {
		h.Set("Connection", "close")
	}
	x.bind(h)
	x.status = resp.StatusCode
	x.group.counters.answered(resp.StatusCode)

	events := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
	var to io.Writer = x.w
	var ev *streams.Events
	if events || resp.ContentLength < 0 && resp.Body != http.NoBody {
		f := relay.Flushing(x.w)
		to = f
		if events {
			ev, to = x.beginEvents(f, resp)
		}
		x.w.WriteHeader(resp.StatusCode)
		if err := f.Flush(); err != nil {
			panic(http.ErrAbortHandler)
		}
	} else {
		x.w.WriteHeader(resp.StatusCode)
	}
	n, err := io.Copy(x.bounded(to), resp.Body)
	x.bytes = n
	if ev != nil && ev.End() {
		return // a clean end: EventSource connects again
	}
	if err != nil {
		x.broken(err)
	}
	if resp.Trailer != nil {
		relay.CopyTrailer(h, resp.Trailer())
	}
}

// beginEvents makes the answer an event stream, written to w. It can be asked
// to leave unless its end is fixed already or its text cannot be seen.
func (x *exchange) beginEvents(w io.Writer, resp *upstream.Response) (*streams.Events, io.Writer) {
	if resp.ContentLength >= 0 || resp.Header.Get("Content-Encoding") != "" {
		x.beginStream(nil)
		return nil, w
	}
	cancel := x.cancel
	ev := streams.NewEvents(w, func() { cancel(streams.ErrLeft) })
	x.beginStream(ev)
	return ev, ev
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

// inform passes an interim response on.
func (x *exchange) inform(status int, h http.Header) { relay.Inform(x.w, status, h) }

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
	case errors.Is(err.Err, errBodyIdle): // which HTTP/1.1's server takes for the client's end
		x.refuse(http.StatusRequestTimeout, nil, "the request body did not come in time")
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
	if x.closes() {
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

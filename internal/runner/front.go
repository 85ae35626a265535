package runner

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/relay"
	"github.com/evenkeel/evenkeel/internal/streams"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// Limits of the listener; those of the program come on top.
const (
	maxHeadBytes   = 64 << 10
	maxConnections = 16384 // more wait in the kernel's queue
	maxSide        = 64    // of the probes and of the admin API
	headTimeout    = 10 * time.Second
	idleTimeout    = 75 * time.Second // an ALB's is 60 s, and the balancer must close first
)

// front passes requests on to the program.
type front struct {
	pool  *upstream.Pool
	ready string // the ready-path; empty is none
	state func() drain.State
}

// newFront talks to the program at app. A program answers as late as it likes.
func newFront(opt *Options, state func() drain.State) *front {
	return &front{pool: upstream.NewPool(opt.App, upstream.Options{}), ready: opt.ReadyPath, state: state}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.ready != "" && r.URL.Path == f.ready && f.state().Leaving() {
		refuse(w, http.StatusServiceUnavailable, f.state().String())
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := outgoing(w, r)
	resp, err := f.pool.Do(ctx, out)
	if failed := (*upstream.Error)(nil); errors.As(err, &failed) && again(r, failed) {
		out.Fresh = true
		resp, err = f.pool.Do(ctx, out)
	}
	if err != nil {
		refuseFailed(w, r, err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		tunnel(w, r, resp, out.Upgrade)
		return
	}
	respond(w, r, resp, cancel)
}

// outgoing is the request as the program gets it. What a balancer in front says
// of the client stays as it is; without one we say it.
func outgoing(w http.ResponseWriter, r *http.Request) *upstream.Request {
	h := r.Header
	out := &upstream.Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: h, Upgrade: relay.Upgrade(r)}
	relay.DropHopByHop(h)
	if h["X-Forwarded-For"] == nil {
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			h["X-Forwarded-For"] = []string{host}
		}
	}
	if !strings.HasPrefix(out.Target, "/") { // absolute form
		out.Target = r.URL.RequestURI()
	}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		out.Body, out.ContentLength = r.Body, r.ContentLength
		if len(r.Trailer) > 0 { // the server took the Trailer field away
			for name := range r.Trailer {
				h.Add("Trailer", name)
			}
			out.Trailer = func() http.Header { return r.Trailer }
		}
	}
	if r.ProtoAtLeast(1, 1) {
		out.Informational = func(status int, h http.Header) { relay.Inform(w, status, h) }
	}
	return out
}

// again tells whether the request goes out once more: the program had closed an
// idle connection, and either read nothing of it or may read it twice.
func again(r *http.Request, err *upstream.Error) bool {
	if !err.Reused || !err.Replays || err.Answer || err.Client || err.Timeout() || r.Context().Err() != nil {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return err.Unreceived
}

// respond passes the answer on; cancel interrupts reading it.
func respond(w http.ResponseWriter, r *http.Request, resp *upstream.Response, cancel func()) {
	h := w.Header()
	relay.CopyHeader(h, resp.Header, resp.Trailer != nil)
	if resp.ContentLength >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	}
	w.WriteHeader(resp.StatusCode)
	var err error
	switch {
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		err = passEvents(w, r, resp, cancel)
	case resp.ContentLength < 0 && resp.Body != http.NoBody:
		to := relay.Flushing(w)
		if err = to.Flush(); err == nil {
			_, err = io.Copy(to, resp.Body)
		}
	default:
		_, err = io.Copy(w, resp.Body)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
	if resp.Trailer != nil {
		relay.CopyTrailer(h, resp.Trailer())
	}
}

// passEvents ends an event stream after a whole event when it is told to leave.
func passEvents(w http.ResponseWriter, r *http.Request, resp *upstream.Response, cancel func()) error {
	to := relay.Flushing(w)
	if err := to.Flush(); err != nil {
		return err
	}
	ev := streams.NewEvents(to, cancel)
	stop := whenLeaving(r.Context(), func() { ev.Leave() })
	defer stop()
	_, err := io.Copy(ev, resp.Body)
	if ev.End() {
		return nil
	}
	return err
}

// whenLeaving calls f once the request is to come to its end; stop ends the
// waiting.
func whenLeaving(ctx context.Context, f func()) (stop func()) {
	over := make(chan struct{})
	leaving := drain.Leaving(ctx)
	go func() {
		select {
		case <-leaving:
			f()
		case <-over:
		}
	}()
	return func() { close(over) }
}

func refuseFailed(w http.ResponseWriter, r *http.Request, err error) {
	var failed *upstream.Error
	switch {
	case r.Context().Err() != nil, !errors.As(err, &failed):
		panic(http.ErrAbortHandler) // the client has gone, or was cut
	case failed.Client:
		refuse(w, http.StatusBadRequest, "the request cannot be passed on")
	case failed.Stage == upstream.StageDial:
		refuse(w, http.StatusServiceUnavailable, "the program does not listen")
	case failed.Timeout():
		refuse(w, http.StatusGatewayTimeout, "the program did not answer")
	default:
		refuse(w, http.StatusBadGateway, "the program broke the answer off")
	}
}

func refuse(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	clear(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // who has gone does not read it
}

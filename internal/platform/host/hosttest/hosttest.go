// Package hosttest is what the tests of the platforms share: a log that is
// read, hosts that run, and endpoints that misbehave.
package hosttest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// Log is a log for tests to read. It is safe for concurrent use.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// Logger writes to the log, without times.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// String is all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Count is how many lines contain text.
func (l *Log) Count(text string) (n int) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// Load is a load that a test sets. It is safe for concurrent use.
type Load struct {
	mu    sync.Mutex
	load  host.Load
	asked int
}

// Set makes l the load.
func (d *Load) Set(l host.Load) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.load = l
}

// Get is for Run of a host.
func (d *Load) Get() host.Load {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	return d.load
}

// Looks waits until the load has been asked for n more times.
func (d *Load) Looks(t testing.TB, n int) {
	t.Helper()
	asked := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.asked
	}
	start := asked()
	Eventually(t, "looks at the load", func() bool { return asked() >= start+n })
}

// Eventually waits until cond holds.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// Run runs a host until stop, or the end of the test, and waits for its return.
func Run(t testing.TB, h interface {
	Run(context.Context, func() host.Load)
}, load func() host.Load) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx, load) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Error("Run has not returned")
		}
	})
	t.Cleanup(stop)
	return stop
}

// Endpoint is a server on loopback that can be taken away and brought back
// under the same address, as an agent that restarts.
type Endpoint struct {
	t       testing.TB
	handler http.Handler
	addr    string
	srv     *http.Server
	done    chan struct{}
}

// NewEndpoint starts one.
func NewEndpoint(t testing.TB, h http.Handler) *Endpoint {
	e := &Endpoint{t: t, handler: h, addr: "127.0.0.1:0"}
	e.Start()
	t.Cleanup(e.Stop)
	return e
}

// URL is where it is, or was.
func (e *Endpoint) URL() string { return "http://" + e.addr }

// Start listens, on the address of the last time.
func (e *Endpoint) Start() {
	e.t.Helper()
	ln, err := new(net.ListenConfig).Listen(e.t.Context(), "tcp", e.addr)
	if err != nil {
		e.t.Fatal(err)
	}
	e.addr, e.srv, e.done = ln.Addr().String(), &http.Server{Handler: e.handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}, make(chan struct{})
	go func(srv *http.Server, done chan struct{}) {
		defer close(done)
		srv.Serve(ln) //nolint:errcheck // it ends with Stop
	}(e.srv, e.done)
}

// Stop closes the listener and all connections.
func (e *Endpoint) Stop() {
	if e.srv != nil {
		_ = e.srv.Close() // what is left is cut
		<-e.done
		e.srv = nil
	}
}

// Misbehaviours are answers of an endpoint that nothing may be stuck on.
var Misbehaviours = map[string]http.HandlerFunc{
	"403": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "forbidden", http.StatusForbidden) },
	"404": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not found", http.StatusNotFound) },
	"500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", http.StatusInternalServerError) },
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	},
	"hang": func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // so that the end of the connection is seen
		<-r.Context().Done()
	},
	"garbage": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "\x00<html>{]\"\x1b[2J") },
	"empty":   func(http.ResponseWriter, *http.Request) {},
	"null":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "null") },
	"wrong types": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"metadata":7,"spec":"x","protection":[],"failure":1}`)
	},
	"endless": func(w http.ResponseWriter, _ *http.Request) {
		for line := []byte(strings.Repeat("x", 64<<10)); ; {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	},
	"cut": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "{")
	},
}

package drain

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// isAbort tells whether a recovered value is what net/http takes for an abort.
func isAbort(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

type recorder struct {
	header http.Header
	status int
	body   strings.Builder
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

func newRequest(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustNew(t *testing.T, opt Options) *Drainer {
	t.Helper()
	d, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Panicking handlers, nested Handlers and streams: the count is exact.
func TestCount(t *testing.T) {
	d := mustNew(t, Options{})
	inside := func(want Stats, then func(context.Context)) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := d.Stats(); got != want {
				t.Errorf("inside: %+v, want %+v", got, want)
			}
			then(r.Context())
		})
	}
	nothing := func(context.Context) {}
	for name, h := range map[string]http.Handler{
		"plain":  d.Handler(inside(Stats{Requests: 1}, nothing)),
		"nested": d.Handler(d.Handler(inside(Stats{Requests: 1}, nothing))),
		"panics": d.Handler(inside(Stats{Requests: 1}, func(context.Context) { panic("oh") })),
		"stream": d.Handler(inside(Stats{Requests: 1}, func(ctx context.Context) {
			if Stream(ctx) == nil || Stream(ctx) != Leaving(ctx) {
				t.Error("Stream does not return the request's Leaving")
			}
			if got := d.Stats(); got != (Stats{Streams: 1}) {
				t.Errorf("after Stream: %+v", got)
			}
		})),
	} {
		func() {
			defer func() {
				if p := recover(); (p != nil) != (name == "panics") {
					t.Errorf("%s: recovered %v", name, p)
				}
			}()
			h.ServeHTTP(&recorder{header: http.Header{}}, newRequest(t))
		}()
		if got := d.Stats(); got != (Stats{}) {
			t.Errorf("%s: %+v is left", name, got)
		}
	}
}

func TestContextOfOthersNeverLeaves(t *testing.T) {
	if Leaving(t.Context()) != nil || Stream(t.Context()) != nil {
		t.Error("want nil channels, which block")
	}
}

// A context that outlives its request can still be asked, and makes nothing
// count again.
func TestStreamAfterTheEnd(t *testing.T) {
	d := mustNew(t, Options{})
	var seen *http.Request
	d.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })).
		ServeHTTP(&recorder{header: http.Header{}}, newRequest(t))
	select {
	case <-Stream(seen.Context()):
		t.Error("told without a reason")
	default:
	}
	if got := d.Stats(); got != (Stats{}) {
		t.Errorf("%+v", got)
	}
}

func TestRouteNames(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		name   string
		option func(*http.Request) string
		hidden bool // the mux is behind a middleware
		path   string
		want   string
	}{
		{"a mux knows its pattern", nil, false, "/users/secret", "GET /users/{id}"},
		{"a mux without a match", nil, false, "/other/secret", "GET /other/"},
		{"middleware hides the mux", nil, true, "/users/secret", "GET /users/"},
		{"one segment", nil, true, "/cart", "GET /cart"},
		{"the root", nil, true, "/", "GET /"},
		{"the option comes first", func(r *http.Request) string { return "route of " + r.Host }, false, "/users/1", "route of x"},
		{"the option may pass", func(*http.Request) string { return "" }, true, "/users/1", "GET /users/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := mustNew(t, Options{Route: c.option})
			ready := make(chan struct{})
			end := make(chan struct{})
			r := newRequest(t)
			r.URL.Path = c.path
			var h http.Handler = blockedMux{mux, ready, end}
			if c.hidden {
				h = struct{ http.Handler }{h}
			}
			done := make(chan any, 1)
			go func() {
				defer func() { done <- recover() }()
				d.Handler(h).ServeHTTP(&recorder{header: http.Header{}}, r)
			}()
			<-ready
			got := routes(d.ledger.cut(plain))
			close(end)
			if p := <-done; !isAbort(p) {
				t.Errorf("a cut handler that returns: recovered %v", p)
			}
			if len(got) != 1 || got[0] != (CutRoute{Route: c.want, Requests: 1}) {
				t.Errorf("got %+v, want %q", got, c.want)
			}
		})
	}
}

// blockedMux names routes as the mux does, and blocks instead of serving.
type blockedMux struct {
	*http.ServeMux
	ready, end chan struct{}
}

func (b blockedMux) ServeHTTP(http.ResponseWriter, *http.Request) {
	close(b.ready)
	<-b.end
}

// Every way of writing fails once the request is cut.
func TestWritesAfterTheCutFail(t *testing.T) {
	d := mustNew(t, Options{})
	h := d.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.ledger.cut(plain)
		if !errors.Is(context.Cause(r.Context()), ErrCut) {
			t.Errorf("cause %v", context.Cause(r.Context()))
		}
		if _, err := io.WriteString(w, "x"); !errors.Is(err, ErrCut) {
			t.Errorf("Write: %v", err)
		}
		if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")); !errors.Is(err, ErrCut) {
			t.Errorf("ReadFrom: %v", err)
		}
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, ErrCut) {
			t.Errorf("Flush: %v", err)
		}
	}))
	w := &recorder{header: http.Header{}}
	defer func() {
		if p := recover(); !isAbort(p) || w.body.Len() > 0 {
			t.Errorf("recovered %v, body %q", p, w.body.String())
		}
	}()
	h.ServeHTTP(w, newRequest(t))
}

// Connection: close comes with the answer's own header: not before the way
// out, not on a 1xx or 101, and on an answer that writes nothing.
func TestAnnouncement(t *testing.T) {
	for _, c := range []struct {
		name  string
		state State
		do    func(http.ResponseWriter)
		want  string
	}{
		{"serving", Serving, func(w http.ResponseWriter) { w.WriteHeader(200) }, ""},
		{"withdrawing", Withdrawing, func(w http.ResponseWriter) { w.WriteHeader(200) }, "close"},
		{"no write", Withdrawing, func(http.ResponseWriter) {}, "close"},
		{"write alone", Draining, func(w http.ResponseWriter) { io.WriteString(w, "x") }, "close"},
		{"read from", Draining, func(w http.ResponseWriter) { io.Copy(w, strings.NewReader("x")) }, "close"},
		{"flush", Draining, func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, "close"},
		{"after an early hint", Withdrawing, func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusEarlyHints)
			if got := w.Header().Get("Connection"); got != "" {
				t.Errorf("on a 103: %q", got)
			}
			w.WriteHeader(200)
		}, "close"},
		{"upgrade", Withdrawing, func(w http.ResponseWriter) {
			w.Header().Set("Connection", "Upgrade")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}, "Upgrade"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := mustNew(t, Options{})
			w := &recorder{header: http.Header{}}
			d.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				d.ledger.advance(c.state) // in flight when the way out began
				c.do(w)
			})).ServeHTTP(w, newRequest(t))
			if got := w.header.Get("Connection"); got != c.want {
				t.Errorf("Connection: %q, want %q", got, c.want)
			}
		})
	}
}

// What Handler costs a request, and what 8 goroutines per processor make of its
// lock.
func BenchmarkHandler(b *testing.B) {
	d, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := d.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		ctx, cancel := context.WithCancel(b.Context()) // each request of a server has its own
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/", nil)
		if err != nil {
			b.Error(err)
			return
		}
		w := &recorder{header: http.Header{}}
		for pb.Next() {
			h.ServeHTTP(w, r)
		}
	})
}

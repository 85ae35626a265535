package session

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

// writer commits the session before the first byte of a response. Like any
// http.ResponseWriter it is for one goroutine.
type writer struct {
	inner   http.ResponseWriter
	s       *Session
	req     *http.Request // as it came to Handler
	initial http.Header   // the response's, as it came to Handler
	sealed  bool
	err     error // of the commit
}

func newWriter(inner http.ResponseWriter, s *Session, r *http.Request) *writer {
	w := &writer{inner: inner, s: s, req: r}
	if h := inner.Header(); len(h) > 0 {
		w.initial = h.Clone()
	}
	return w
}

func (w *writer) Header() http.Header { return w.inner.Header() }

func (w *writer) WriteHeader(code int) {
	if code < 200 && code != http.StatusSwitchingProtocols {
		if w.err == nil {
			w.inner.WriteHeader(code) // informational: the response is to come
		}
		return
	}
	if w.seal(true) == nil {
		w.inner.WriteHeader(code)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.seal(true); err != nil {
		return 0, err
	}
	return w.inner.Write(p)
}

// WriteString is for io.WriteString, which uses the inner writer's own.
func (w *writer) WriteString(p string) (int, error) {
	if err := w.seal(true); err != nil {
		return 0, err
	}
	return io.WriteString(w.inner, p)
}

// Unwrap is for http.ResponseController. What it finds there cannot get past
// the commit either.
func (w *writer) Unwrap() http.ResponseWriter { return controls{w} }

// seal commits, once. periodic allows the renewal by time.
func (w *writer) seal(periodic bool) error {
	if w.sealed {
		return w.err
	}
	w.sealed = true
	w.err = w.s.seal(periodic)
	w.s.settle()
	if w.err != nil {
		w.replace()
		return w.err
	}
	w.s.mark(w.inner.Header())
	return nil
}

// replace answers with the error.
func (w *writer) replace() {
	w.s.m.count.replaced.Add(1)
	w.s.cancel(w.err)
	h := w.inner.Header()
	clear(h)
	maps.Copy(h, w.initial)
	w.s.mark(h)
	for _, in := range w.s.settled() {
		in.mark(h)
	}
	h.Set("Cache-Control", "no-store")
	out := &answer{ResponseWriter: w.inner}
	w.s.m.opt.ErrorHandler(out, w.req, w.err)
	if !out.given {
		Error(w.inner, w.req, w.err)
	}
}

// answer notes whether there is one.
type answer struct {
	http.ResponseWriter
	given bool
}

func (a *answer) WriteHeader(code int) {
	a.given = a.given || code >= 200
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(p []byte) (int, error) {
	a.given = true
	return a.ResponseWriter.Write(p)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// mark adds what the session says in the response's header.
func (s *Session) mark(h http.Header) {
	s.mu.Lock()
	touched, given := s.touched, [2]*http.Cookie{s.cookie, s.carryFloor()}
	s.mu.Unlock()
	via := &s.m.via
	if touched && !varies(h, via.varies()) {
		h.Add("Vary", via.varies())
	}
	for _, k := range given {
		if k != nil {
			via.send(h, k)
			h.Set("Cache-Control", "no-store")
		}
	}
}

func varies(h http.Header, by string) bool {
	return slices.ContainsFunc(h["Vary"], func(line string) bool {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, by) {
				return true
			}
		}
		return false
	})
}

// settle tells the sessions of the managers around this one that it has
// committed, or may have: whatever becomes of their own commits, the browser
// must get its cookie, because the one that it has may open nothing any more.
func (s *Session) settle() {
	for o := s.outer; o != nil; o = o.outer {
		o.mu.Lock()
		o.nested = append(o.nested, s)
		o.mu.Unlock()
	}
}

func (s *Session) settled() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.nested)
}

// abandon is what is left to do after a panic: nothing is committed any more,
// but if somebody outside answers, the browser gets the cookie of what the
// handler has committed itself.
func (w *writer) abandon() {
	if !w.sealed {
		w.sealed = true
		w.s.mark(w.inner.Header())
	}
}

// finish is what is left to do when the handler has returned.
func (w *writer) finish() {
	if !w.sealed {
		_ = w.seal(true) // the response tells
		return
	}
	if w.err != nil {
		return
	}
	if err := w.s.last(); err != nil {
		// The client has been told nothing of it, and must not believe that
		// the response is whole.
		w.s.m.opt.Logger.Error("session commit failed after the response", "error", err)
		panic(http.ErrAbortHandler)
	}
}

func (w *writer) flush() error {
	if err := w.seal(true); err != nil {
		return err
	}
	return http.NewResponseController(w.inner).Flush()
}

// hijack commits without the renewal by time, whose cookie the handler might
// not send.
func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.seal(false); err != nil {
		return nil, nil, err
	}
	return http.NewResponseController(w.inner).Hijack()
}

func (w *writer) readFrom(from io.ReaderFrom, src io.Reader) (int64, error) {
	if err := w.seal(true); err != nil {
		return 0, err
	}
	return from.ReadFrom(src)
}

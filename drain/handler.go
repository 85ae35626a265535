package drain

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

type requestKey struct{}

// Stream declares the request of ctx a stream: from now on it has
// Budget.Streams to end rather than Budget.Requests. It returns [Leaving] of
// ctx. Hijacked connections and answers of type text/event-stream are streams
// without it.
func Stream(ctx context.Context) <-chan struct{} {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil
	}
	r.ledger.stream(r)
	return r.ledger.leaving(r)
}

// Leaving is closed when the request of ctx should come to its end because the
// process leaves: a stream at the next whole event, a long poll with an empty
// answer. It is nil, which blocks for ever, for a context that does not come
// from [Drainer.Handler]. It stays valid after the handler has returned, which
// a hijacked connection may need.
func Leaving(ctx context.Context) <-chan struct{} {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil
	}
	return r.ledger.leaving(r)
}

// Handler counts what goes through next, answers with Connection: close (in
// HTTP/2 a GOAWAY) once the process is leaving, and cuts what is left at the
// end. It belongs outside of all middleware that answers or commits. A request
// that passes a second Handler of the same Drainer is counted once.
//
// Cutting ends the context of the request with the cause [ErrCut], makes
// writes fail with it, closes a hijacked connection, and aborts the answer
// (http.ErrAbortHandler) should the handler still return.
//
// The ResponseWriter that next gets supports Flush, Hijack, ReadFrom and
// everything of http.ResponseController, not Push. The connection that Hijack
// returns is the original in a wrapper that notices Close.
func (d *Drainer) Handler(next http.Handler) http.Handler {
	route := d.opt.Route
	if mux, ok := next.(interface {
		Handler(*http.Request) (http.Handler, string)
	}); ok && route == nil {
		route = func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if outer, ok := ctx.Value(requestKey{}).(*request); ok && outer.ledger == &d.ledger {
			next.ServeHTTP(w, r)
			return
		}
		q := &request{ledger: &d.ledger, origin: origin{r.Method, r.Host, r.URL.Path, route}}
		ctx, q.cancel = context.WithCancelCause(ctx)
		defer q.cancel(nil)
		if !d.ledger.enter(q) {
			w.Header().Set("Connection", "close")
			http.Error(w, d.State().String(), http.StatusServiceUnavailable)
			return
		}
		handle(q, w, r.WithContext(context.WithValue(ctx, requestKey{}, q)), next)
	})
}

// handle runs next and counts q out again, however next ends.
func handle(q *request, w http.ResponseWriter, r *http.Request, next http.Handler) {
	aw := &writer{ResponseWriter: w, q: q}
	exited := false
	defer func() {
		if !exited { // a panic, or Goexit
			q.ledger.exit(q)
		}
	}()
	next.ServeHTTP(aw, r)
	aw.announce(http.StatusOK)
	exited = true
	if cut := q.ledger.exit(q); cut && !aw.hijacked {
		panic(http.ErrAbortHandler) // what was sent must not look whole
	}
}

// writer announces the end of the connection on the header of the answer.
type writer struct {
	http.ResponseWriter
	q        *request
	wrote    bool // the header
	hijacked bool
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// announce does what depends on the answer's header, which is about to be sent.
func (w *writer) announce(status int) {
	if w.wrote {
		return
	}
	w.wrote = true
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		w.q.ledger.stream(w.q)
	}
	// The Connection of a 101 says what the connection is upgraded to.
	if status != http.StatusSwitchingProtocols && w.q.ledger.State().Leaving() {
		w.Header().Set("Connection", "close")
	}
}

func (w *writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.announce(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.announce(http.StatusOK)
	if w.q.cut.Load() {
		return 0, ErrCut
	}
	return w.ResponseWriter.Write(b)
}

// ReadFrom keeps the sendfile of the writer below.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	w.announce(http.StatusOK)
	if w.q.cut.Load() {
		return 0, ErrCut
	}
	return io.Copy(w.ResponseWriter, src)
}

// Flush is FlushError for those who assert http.Flusher, where no error can be
// returned.
func (w *writer) Flush() { _ = w.FlushError() }

func (w *writer) FlushError() error {
	w.announce(http.StatusOK)
	if w.q.cut.Load() {
		return ErrCut
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked, w.wrote = true, true
	if !w.q.ledger.hijack(w.q, c) {
		return nil, nil, errors.Join(ErrCut, c.Close())
	}
	return &hijacked{Conn: c, q: w.q}, rw, nil
}

// hijacked is a connection that counts until it is closed.
type hijacked struct {
	net.Conn
	q    *request
	once sync.Once
}

// NetConn is the connection as the server had it.
func (c *hijacked) NetConn() net.Conn { return c.Conn }

func (c *hijacked) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.q.ledger.exit(c.q) })
	return err
}

// CloseWrite half-closes, as tunnels do when one side has said all.
func (c *hijacked) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// ReadFrom and WriteTo keep the splice of TCP connections.
func (c *hijacked) ReadFrom(src io.Reader) (int64, error) { return io.Copy(c.Conn, src) }
func (c *hijacked) WriteTo(dst io.Writer) (int64, error)  { return io.Copy(dst, c.Conn) }

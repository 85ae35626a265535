package session

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"
)

// Handlers find out by type assertion what a writer can do, so each
// combination of abilities is a type of its own. A writer that claimed to
// flush and could not would make an SSE handler wait for ever; one that
// concealed ReadFrom would cost sendfile.

type flusher struct{ w *writer }

func (f flusher) Flush()            { _ = f.w.flush() } // the interface has no error
func (f flusher) FlushError() error { return f.w.flush() }

type hijacker struct{ w *writer }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.w.hijack() }

type readerFrom struct {
	w     *writer
	inner io.ReaderFrom
}

func (r readerFrom) ReadFrom(src io.Reader) (int64, error) { return r.w.readFrom(r.inner, src) }

// flushing is both ways to flush; http.ResponseController prefers the second.
type flushing interface {
	Flush()
	FlushError() error
}

// closeNotifier is http.CloseNotifier, which is deprecated, but gin.Context.Stream
// panics without it.
type closeNotifier interface{ CloseNotify() <-chan bool }

// withAbilities returns w with exactly the optional interfaces that the inner
// writer has; closeNotifier only in the combinations that net/http and gin
// have. Neither that nor Push needs a commit.
func (w *writer) withAbilities() http.ResponseWriter {
	_, canFlush := w.inner.(http.Flusher)
	_, canHijack := w.inner.(http.Hijacker)
	from, canRead := w.inner.(io.ReaderFrom)
	push, canPush := w.inner.(http.Pusher)
	f, h, r := flusher{w}, hijacker{w}, readerFrom{w, from}

	const flush, hijack, read, pushes = 1, 2, 4, 8
	have := bit(canFlush, flush) | bit(canHijack, hijack) | bit(canRead, read) | bit(canPush, pushes)
	if gone, ok := w.inner.(closeNotifier); ok {
		switch have {
		case flush | hijack | read: // net/http over HTTP/1
			return struct {
				*writer
				flushing
				http.Hijacker
				io.ReaderFrom
				closeNotifier
			}{w, f, h, r, gone}
		case flush | pushes: // net/http over HTTP/2
			return struct {
				*writer
				flushing
				http.Pusher
				closeNotifier
			}{w, f, push, gone}
		case flush | hijack: // gin
			return struct {
				*writer
				flushing
				http.Hijacker
				closeNotifier
			}{w, f, h, gone}
		}
	}
	switch have {
	case flush:
		return struct {
			*writer
			flushing
		}{w, f}
	case hijack:
		return struct {
			*writer
			http.Hijacker
		}{w, h}
	case flush | hijack:
		return struct {
			*writer
			flushing
			http.Hijacker
		}{w, f, h}
	case read:
		return struct {
			*writer
			io.ReaderFrom
		}{w, r}
	case flush | read:
		return struct {
			*writer
			flushing
			io.ReaderFrom
		}{w, f, r}
	case hijack | read:
		return struct {
			*writer
			http.Hijacker
			io.ReaderFrom
		}{w, h, r}
	case flush | hijack | read:
		return struct {
			*writer
			flushing
			http.Hijacker
			io.ReaderFrom
		}{w, f, h, r}
	case pushes: // http.TimeoutHandler
		return struct {
			*writer
			http.Pusher
		}{w, push}
	case flush | pushes:
		return struct {
			*writer
			flushing
			http.Pusher
		}{w, f, push}
	case hijack | pushes:
		return struct {
			*writer
			http.Hijacker
			http.Pusher
		}{w, h, push}
	case flush | hijack | pushes:
		return struct {
			*writer
			flushing
			http.Hijacker
			http.Pusher
		}{w, f, h, push}
	case read | pushes:
		return struct {
			*writer
			io.ReaderFrom
			http.Pusher
		}{w, r, push}
	case flush | read | pushes:
		return struct {
			*writer
			flushing
			io.ReaderFrom
			http.Pusher
		}{w, f, r, push}
	case hijack | read | pushes:
		return struct {
			*writer
			http.Hijacker
			io.ReaderFrom
			http.Pusher
		}{w, h, r, push}
	case flush | hijack | read | pushes:
		return struct {
			*writer
			flushing
			http.Hijacker
			io.ReaderFrom
			http.Pusher
		}{w, f, h, r, push}
	}
	return w
}

func bit(is bool, b int) int {
	if is {
		return b
	}
	return 0
}

// controls is what Unwrap returns: everything that http.ResponseController
// may look for further inside, with the commit before whatever sends a byte.
type controls struct{ w *writer }

func (c controls) Header() http.Header         { return c.w.Header() }
func (c controls) WriteHeader(code int)        { c.w.WriteHeader(code) }
func (c controls) Write(p []byte) (int, error) { return c.w.Write(p) }

func (c controls) FlushError() error {
	if !reaches[http.Flusher](c.w.inner) && !reaches[interface{ FlushError() error }](c.w.inner) {
		return http.ErrNotSupported // and nothing is sealed
	}
	return c.w.flush()
}

func (c controls) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !reaches[http.Hijacker](c.w.inner) {
		return nil, nil, http.ErrNotSupported
	}
	return c.w.hijack()
}

func (c controls) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(c.w.inner).SetReadDeadline(t)
}

func (c controls) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(c.w.inner).SetWriteDeadline(t)
}

func (c controls) EnableFullDuplex() error {
	return http.NewResponseController(c.w.inner).EnableFullDuplex()
}

// reaches tells whether http.ResponseController would find a T in w.
func reaches[T any](w http.ResponseWriter) bool {
	for {
		if _, ok := w.(T); ok {
			return true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = u.Unwrap()
	}
}

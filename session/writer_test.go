package session

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"bufio"
	"net"
)

type canFlush struct{}

func (canFlush) Flush() {}

type canHijack struct{}

func (canHijack) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

type canRead struct{}

func (canRead) ReadFrom(io.Reader) (int64, error) { return 0, nil }

type canPush struct{}

func (canPush) Push(string, *http.PushOptions) error { return nil }

// All sixteen combinations of abilities, none more and none less.
func TestWriterHasExactlyTheAbilitiesOfTheWrapped(t *testing.T) {
	type W = http.ResponseWriter
	base := httptest.NewRecorder()
	bare := struct{ W }{base}
	for _, inner := range []http.ResponseWriter{
		bare,
		struct {
			W
			canFlush
		}{W: base},
		struct {
			W
			canHijack
		}{W: base},
		struct {
			W
			canFlush
			canHijack
		}{W: base},
		struct {
			W
			canRead
		}{W: base},
		struct {
			W
			canFlush
			canRead
		}{W: base},
		struct {
			W
			canHijack
			canRead
		}{W: base},
		struct {
			W
			canFlush
			canHijack
			canRead
		}{W: base},
		struct {
			W
			canPush
		}{W: base},
		struct {
			W
			canFlush
			canPush
		}{W: base},
		struct {
			W
			canHijack
			canPush
		}{W: base},
		struct {
			W
			canFlush
			canHijack
			canPush
		}{W: base},
		struct {
			W
			canRead
			canPush
		}{W: base},
		struct {
			W
			canFlush
			canRead
			canPush
		}{W: base},
		struct {
			W
			canHijack
			canRead
			canPush
		}{W: base},
		struct {
			W
			canFlush
			canHijack
			canRead
			canPush
		}{W: base},
	} {
		w := newWriter(inner, nil, nil).withAbilities()
		if have, want := abilitiesOf(w), abilitiesOf(inner); have != want {
			t.Errorf("%T: abilities %v, want %v", inner, have, want)
		}
		if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); !ok {
			t.Errorf("%T: no Unwrap", inner)
		}
	}
}

func abilitiesOf(w http.ResponseWriter) (a [4]bool) {
	_, a[0] = w.(http.Flusher)
	_, a[1] = w.(http.Hijacker)
	_, a[2] = w.(io.ReaderFrom)
	_, a[3] = w.(http.Pusher)
	return a
}

package session

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

type canNotify struct{ c chan bool }

func (n canNotify) CloseNotify() <-chan bool { return n.c }

// The writers of net/http and gin have CloseNotify, and gin's streams need it.
func TestWriterKeepsCloseNotify(t *testing.T) {
	type W = http.ResponseWriter
	base, gone := httptest.NewRecorder(), canNotify{make(chan bool)}
	bare := struct{ W }{base}
	for _, inner := range []http.ResponseWriter{
		struct {
			W
			canFlush
			canHijack
			canRead
			canNotify
		}{W: base, canNotify: gone},
		struct {
			W
			canFlush
			canPush
			canNotify
		}{W: base, canNotify: gone},
		struct {
			W
			canFlush
			canHijack
			canNotify
		}{W: base, canNotify: gone},
	} {
		w := newWriter(inner, nil, nil).withAbilities()
		if have, want := abilitiesOf(w), abilitiesOf(inner); have != want {
			t.Errorf("%T: abilities %v, want %v", inner, have, want)
		}
		if n, ok := w.(closeNotifier); !ok || n.CloseNotify() != gone.c {
			t.Errorf("%T: no CloseNotify of the wrapped writer", inner)
		}
	}
	// In other combinations everything else stays.
	other := struct {
		W
		canRead
		canNotify
	}{W: bare}
	w := newWriter(other, nil, nil).withAbilities()
	if _, ok := w.(io.ReaderFrom); !ok {
		t.Error("ReadFrom is lost")
	}
}

// What net/http has, over either version, is among the combinations.
func TestWriterOverNetHTTPKeepsCloseNotify(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, has := rw.(closeNotifier)
				if _, kept := newWriter(rw, nil, nil).withAbilities().(closeNotifier); has != kept {
					t.Errorf("over %s net/http's writer has CloseNotify: %v, ours: %v", r.Proto, has, kept)
				}
			}))
			srv.EnableHTTP2 = http2
			srv.StartTLS()
			defer srv.Close()
			res, err := srv.Client().Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if (res.ProtoMajor == 2) != http2 {
				t.Errorf("the response came over %s", res.Proto)
			}
		})
	}
}

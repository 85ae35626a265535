package drain

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunRefuses(t *testing.T) {
	d, err := New(Options{Budget: Budget{Flush: None}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Run(t.Context(), nil); err == nil {
		t.Error("a nil server was accepted")
	}
	d.Hook("h", 1, func(context.Context) error { return nil })
	if _, err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "flush is None") {
		t.Errorf("hooks without flush: %v", err)
	}
}

// One address that is taken: nothing serves, nothing is left open.
func TestRunListensOnAllOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Hook("h", 1, func(context.Context) error { t.Error("a hook ran"); return nil })
	l := newMemory()
	good := &http.Server{}
	d.Listen(good, l)
	_, err = d.Run(t.Context(), good, &http.Server{Addr: taken.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Fatalf("got %v, want an error with the address", err)
	}
	if _, err := l.dial(); !errors.Is(err, errRefused) {
		t.Errorf("the other listener is still open: %v", err)
	}
	<-d.Reached(Stopped)
	if _, err := d.Run(t.Context(), good); !errors.Is(err, errRan) {
		t.Errorf("second Run: %v", err)
	}
}

// Without servers Run is the sequence alone; Drain before Run is not lost.
func TestRunWithoutServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := New(Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}, Budget: usual, Grace: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		d.Drain()
		r, err := d.Run(t.Context())
		if err != nil || r.Trigger != "call" || r.Phases.Withdraw != 5*s {
			t.Errorf("error %v, report %+v", err, r)
		}
		checkReport(t, d, r)
		w := &recorder{header: http.Header{}}
		d.Handler(http.NotFoundHandler()).ServeHTTP(w, newRequest(t))
		if w.status != 503 || w.header.Get("Connection") != "close" {
			t.Errorf("a request after the end: %d %v", w.status, w.header)
		}
	})
}

// Run listens on Addr, with TLS where the server has certificates, and cuts a
// hijacked TLS connection as well.
func TestRunServesAddr(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	for _, c := range []struct {
		scheme string
		client *http.Client
		tls    *tls.Config
	}{
		{"http", http.DefaultClient, nil},
		{"https", certified.Client(), &tls.Config{Certificates: certified.TLS.Certificates}},
	} {
		t.Run(c.scheme, func(t *testing.T) {
			b := Budget{Withdraw: None, Requests: 10 * time.Second, Streams: None}
			d := mustNew(t, Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}, Budget: b})
			mux := http.NewServeMux()
			mux.Handle("/readyz", d.Ready())
			mux.HandleFunc("/hijack", func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			})
			addr := make(chan net.Addr, 1)
			srv := &http.Server{Addr: "127.0.0.1:0", Handler: d.Handler(mux), TLSConfig: c.tls, ReadHeaderTimeout: time.Minute}
			srv.BaseContext = func(l net.Listener) context.Context { addr <- l.Addr(); return context.Background() }
			type result struct {
				Report
				err error
			}
			done := make(chan result, 1)
			go func() { r, err := d.Run(t.Context(), srv); done <- result{r, err} }()
			base := c.scheme + "://" + (<-addr).String()
			<-d.Reached(Serving)
			res, err := c.client.Get(base + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(res.Body); err != nil || string(b) != "ready\n" {
				t.Errorf("got %q, %v", b, err)
			}
			res.Body.Close()
			up, err := c.client.Get(base + "/hijack")
			if err != nil {
				t.Fatal(err)
			}
			defer up.Body.Close()
			d.Drain()
			if n, err := up.Body.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("the upgraded connection: read %d, %v, want its end", n, err)
			}
			r := <-done
			var cut *CutError
			if !errors.As(r.err, &cut) || *cut != (CutError{Streams: 1}) || r.Requests != (Tally{}) {
				t.Errorf("error %v, report %+v", r.err, r.Report)
			}
		})
	}
}

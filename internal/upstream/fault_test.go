package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestTargetDies(t *testing.T) {
	length := "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
	chunks := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
	tests := []struct {
		name, answer string
		reset        bool
		stage        Stage
	}{
		{"FIN before the head", "", false, StageHead},
		{"RST before the head", "", true, StageHead},
		{"FIN within the head", "HTTP/1.1 200 OK\r\nX:", false, StageHead},
		{"RST within the head", "HTTP/1.1 200 OK\r\nX:", true, StageHead},
		{"FIN after an interim head", "HTTP/1.1 103 Early Hints\r\n\r\n", false, StageHead},
		{"FIN within a length", length, false, StageBody},
		{"RST within a length", length, true, StageBody},
		{"FIN before a chunk size", chunks, false, StageBody},
		{"FIN within a chunk size", chunks + "5", false, StageBody},
		{"FIN within a chunk", chunks + "5\r\nhel", false, StageBody},
		{"FIN after a chunk's data", chunks + "5\r\nhello", false, StageBody},
		{"FIN within the last chunk", chunks + "0\r\n", false, StageBody},
		{"FIN within the trailer", chunks + "0\r\nX: y\r\n", false, StageBody},
		{"RST within a chunk", chunks + "5\r\nhel", true, StageBody},
		{"RST in a body until close", "HTTP/1.1 200 OK\r\n\r\nhello", true, StageBody},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan struct{})
			p := target(t, Options{}, func(p *peer) {
				p.request()
				p.send(tt.answer)
				if tt.stage == StageBody {
					<-got // an RST must not overtake the head
				}
				if tt.reset {
					p.reset()
				}
			})
			var e *Error
			resp, err := p.Do(t.Context(), post("x"))
			close(got)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				if _, again := resp.Body.Read(make([]byte, 1)); !errors.Is(again, err) {
					t.Errorf("read again: %v", again)
				}
				resp.Body.Close()
			}
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want an *Error", err)
			}
			want := io.ErrUnexpectedEOF
			if tt.reset {
				want = syscall.ECONNRESET
			}
			if e.Stage != tt.stage || e.Client || e.Replays || e.Unreceived || e.Reused || e.Wrote == 0 {
				t.Errorf("got %+v", e)
			}
			// An RST may throw away what the target had sent before it.
			if e.Answer != (tt.answer != "") && !tt.reset || !errors.Is(e, want) {
				t.Errorf("answer %v, %v; want %v", e.Answer, e, want)
			}
		})
	}
}

func TestDialFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	p := NewPool(ln.Addr().String(), Options{})
	defer p.Close()
	e := failing(t, p, post("x"))
	if e.Stage != StageDial || !e.Replays || !e.Unreceived || e.Wrote != 0 || e.Client || !errors.Is(e, syscall.ECONNREFUSED) {
		t.Errorf("got %+v", e)
	}
	if !strings.Contains(e.Error(), ln.Addr().String()) {
		t.Errorf("error %q does not name the target", e)
	}
	if s := p.Stats(); s.Active != 0 || s.Dials != 1 {
		t.Errorf("got %+v", s)
	}
}

// waitingBody lets the target act between the check-out of a connection and
// the first byte written to it.
type waitingBody struct {
	io.Reader
	wait func()
}

func (b *waitingBody) Read(p []byte) (int, error) {
	if b.wait != nil {
		b.wait()
		b.wait = nil
	}
	return b.Reader.Read(p)
}

func TestUnreceived(t *testing.T) {
	t.Run("closed before anything came", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("acknowledgements are asked for on Linux only")
		}
		closed := make(chan struct{})
		p := target(t, Options{}, func(p *peer) {
			p.Close()
			close(closed)
		})
		r := post("")
		r.Body, r.ContentLength = &waitingBody{strings.NewReader("hello"), func() { <-closed }}, 5
		e := failing(t, p, r)
		if e.Answer || e.Wrote == 0 || !e.Unreceived || e.Stage != StageHead {
			t.Errorf("got %+v: all was written, and not a byte acknowledged", e)
		}
	})
	t.Run("read, then closed", func(t *testing.T) {
		p := target(t, Options{}, func(p *peer) { p.request() })
		if e := failing(t, p, post("hello")); e.Unreceived || e.Stage != StageHead || e.Wrote == 0 {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("reset", func(t *testing.T) {
		p := target(t, Options{}, func(p *peer) { p.request(); p.reset() })
		if e := failing(t, p, post("hello")); e.Unreceived || e.Stage != StageHead {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("later request of a connection", func(t *testing.T) {
		requests := make(chan string, 2)
		p := target(t, Options{}, func(p *peer) {
			_, body := p.request()
			requests <- body
			p.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			_, body = p.request()
			requests <- body
		})
		must(t, p, post("first"))
		if e := failing(t, p, post("second")); e.Unreceived || !e.Reused {
			t.Errorf("got %+v", e)
		}
		if a, b := <-requests, <-requests; a != "first" || b != "second" {
			t.Errorf("the target got %q, %q", a, b)
		}
	})
}

func TestContextEnds(t *testing.T) {
	cause := errors.New("the client left")
	tests := []struct {
		name, answer string
		stage        Stage
	}{
		{"before the head", "", StageHead},
		{"within the head", "HTTP/1.1 200 OK\r\n", StageHead},
		{"within the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", StageBody},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reached, closed := make(chan struct{}), make(chan struct{})
			p := target(t, Options{}, func(p *peer) {
				p.request()
				p.send(tt.answer)
				close(reached)
				p.untilClosed()
				close(closed)
			})
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if tt.stage == StageHead {
				go func() { <-reached; cancel(cause) }()
			}
			resp, err := p.Do(ctx, get("/"))
			if err == nil {
				cancel(cause)
				_, err = io.Copy(io.Discard, resp.Body)
			}
			<-closed // also while the body lies unread
			var e *Error
			if !errors.As(err, &e) || e.Stage != tt.stage || !errors.Is(err, context.Canceled) || !errors.Is(err, cause) || e.Timeout() {
				t.Errorf("got %v (%+v)", err, e)
			}
		})
	}
	t.Run("before all", func(t *testing.T) {
		p := target(t, Options{}, answering("never"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := p.Do(ctx, get("/"))
		if !errors.Is(err, context.Canceled) || p.Stats().Dials != 0 {
			t.Errorf("got %v, %+v", err, p.Stats())
		}
	})
	t.Run("after the end", func(t *testing.T) {
		p := target(t, Options{}, answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			if _, body, err := fetch(ctx, p, get("/")); body != "ok" || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
			cancel() // must not reach the connection in the pool
		}
		if s := p.Stats(); s.Dials != 1 || s.Stale != 0 {
			t.Errorf("got %+v, want one connection", s)
		}
	})
}

// A function of the caller's that panics does not cost a connection.
func TestCallerPanics(t *testing.T) {
	p := target(t, Options{}, func(p *peer) {
		p.request()
		p.send("HTTP/1.1 103 Early Hints\r\n\r\n")
		p.untilClosed()
	})
	r := get("/")
	r.Informational = func(int, http.Header) { panic("the caller's") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = p.Do(t.Context(), r)
	}()
	if s := p.Stats(); s.Active != 0 || s.Idle != 0 {
		t.Errorf("after: %+v", s)
	}
}

package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// inMemory returns a pool whose connections are pipes, for tests of time in a
// bubble; script answers requests on each.
func inMemory(t *testing.T, opt Options, script func(r *http.Request, nc net.Conn)) *Pool {
	p := NewPool("memory:80", opt)
	p.dial = func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			pe := &peer{Conn: theirs, t: t, br: bufio.NewReader(theirs)}
			for {
				r, _ := pe.request()
				if r == nil {
					return
				}
				script(r, theirs)
			}
		}()
		return ours, nil
	}
	return p
}

func TestIdleTimeout(t *testing.T) {
	tests := []struct {
		name, hint string
		opt        Options
		kept       time.Duration
	}{
		{"default", "", Options{}, 55 * time.Second},
		{"configured", "", Options{IdleTimeout: time.Second}, time.Second},
		{"announced by the target", "Keep-Alive: max=9, Timeout=5\r\n", Options{}, 4 * time.Second},
		{"announced, but longer", "Keep-Alive: timeout=500\r\n", Options{}, 55 * time.Second},
		{"announced long", "Keep-Alive: timeout=30\r\n", Options{}, 29 * time.Second},
		{"announced as too little", "Keep-Alive: timeout=1\r\n", Options{}, 0},
		{"announced as nothing", "Keep-Alive: timeout=0\r\n", Options{}, 0},
		{"announced as nonsense", "Keep-Alive: timeout=x, 5\r\n", Options{}, 55 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := inMemory(t, tt.opt, func(_ *http.Request, nc net.Conn) {
					io.WriteString(nc, "HTTP/1.1 200 OK\r\n"+tt.hint+"Content-Length: 0\r\n\r\n")
				})
				defer p.Close()
				must(t, p, get("/"))
				if tt.kept > 0 {
					time.Sleep(tt.kept - 1)
					synctest.Wait()
					if s := p.Stats(); s.Idle != 1 {
						t.Errorf("before its time: %+v", s)
					}
					time.Sleep(time.Nanosecond)
				}
				synctest.Wait()
				if s := p.Stats(); s.Idle != 0 {
					t.Errorf("after its time: %+v", s)
				}
			})
		})
	}
}

func TestSweepKeepsTheYounger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(t, Options{IdleTimeout: 10 * time.Second}, func(r *http.Request, nc net.Conn) {
			hint := ""
			if r.URL.Path == "/short" {
				hint = "Keep-Alive: timeout=5\r\n"
			}
			io.WriteString(nc, "HTTP/1.1 200 OK\r\n"+hint+"Content-Length: 2\r\n\r\nok")
		})
		defer p.Close()
		began := time.Now()
		var open []*Response
		for _, path := range []string{"/", "/short", "/"} {
			resp, err := p.Do(t.Context(), get(path))
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, resp)
		}
		for _, resp := range open { // idle since 0, 1 and 2 s; until 10, 5 and 12 s
			io.Copy(io.Discard, resp.Body)
			time.Sleep(time.Second)
		}
		for _, want := range []struct {
			at   time.Duration
			idle int
		}{{4900, 3}, {5100, 2}, {9900, 2}, {10100, 1}, {11900, 1}, {12100, 0}} {
			time.Sleep(time.Until(began.Add(want.at * time.Millisecond)))
			synctest.Wait()
			if s := p.Stats(); s.Idle != want.idle {
				t.Errorf("at %d ms: %d idle, want %d", want.at, s.Idle, want.idle)
			}
		}
	})
}

func TestHeaderTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(t, Options{HeaderTimeout: 3 * time.Second}, func(r *http.Request, nc net.Conn) {
			if r.URL.Path == "/slow" {
				io.WriteString(nc, "HTTP/1.1 102 Processing\r\n\r\n")
				time.Sleep(4 * time.Second)
			}
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
			time.Sleep(10 * time.Second) // of the body nothing is said
			io.WriteString(nc, "ok")
		})
		defer p.Close()
		for range 2 { // the deadline does not stay on the connection
			if _, body := must(t, p, get("/")); body != "ok" {
				t.Errorf("got %q", body)
			}
		}
		began := time.Now()
		e := failing(t, p, get("/slow"))
		if !e.Timeout() || e.Stage != StageHead || !e.Answer || !e.Reused || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %+v", time.Since(began), e)
		}
		time.Sleep(time.Minute) // the script is not done
	})
}

// A large upload is written under deadlines; none stays on the connection.
func TestUploadLeavesNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(t, Options{}, func(r *http.Request, nc net.Conn) {
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
		defer p.Close()
		for _, length := range []int64{1 << 20, -1} {
			must(t, p, &Request{Method: "PUT", Target: "/", Body: &upload{size: 1 << 20}, ContentLength: length})
			time.Sleep(time.Second)
			must(t, p, post("x"))
		}
		if s := p.Stats(); s.Dials != 1 {
			t.Errorf("got %+v, want one connection", s)
		}
	})
}

func TestDeadlineOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(t, Options{}, func(_ *http.Request, nc net.Conn) {
			time.Sleep(time.Hour)
		})
		defer p.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := p.Do(ctx, get("/"))
		var e *Error
		if !errors.As(err, &e) || !e.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
	})
}

package raw

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, addr string) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func startServer(t *testing.T) (*Server, string) {
	t.Helper()
	l, s := listen(t), &Server{}
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.Serve(l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	return s, l.Addr().String()
}

func TestServerAnswersWhatThePathSays(t *testing.T) {
	s, addr := startServer(t)
	c := dial(t, addr)
	for path, want := range map[string]int64{"/200": 200, "/x/65536?y=1": 65536, "/health": 0, "/": 0, "/-5": 0, "/99999999": 0} {
		for _, req := range [][]byte{Get(addr, path, "Cookie: a=b"), Post(addr, path)} {
			if a, err := c.Do(req); err != nil || a.Status != 200 || a.Bytes != want || a.Close {
				t.Errorf("%s: %+v, %v, want %d bytes", path, a, err, want)
			}
		}
	}
	if got := s.Requests.Load(); got != 12 {
		t.Errorf("counted %d requests, want 12", got)
	}
}

// The server of the standard library understands the client, and the client it.
func TestAgainstNetHTTP(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", r.Method+" "+r.Header.Get("Cookie"))
		w.Header().Set("Set-Cookie", "sid=1; Path=/")
		switch r.URL.Path {
		case "/chunked":
			for range 3 {
				_, _ = io.WriteString(w, "piece")
				_ = http.NewResponseController(w).Flush()
			}
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/close":
			w.Header().Set("Connection", "close")
		case "/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
		}
	}))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	c := dial(t, addr)
	if a, err := c.Do(Get(addr, "/chunked", "Cookie: a=b")); err != nil || a.Bytes != 15 || a.Instance != "GET a=b" || a.SetCookie != "sid=1" {
		t.Errorf("chunked: %+v, %v", a, err)
	}
	if a, err := c.Do(Post(addr, "/none")); err != nil || a.Status != 204 || a.Instance != "POST" {
		t.Errorf("none: %+v, %v", a, err)
	}
	if a, err := c.Do(Get(addr, "/close")); err != nil || !a.Close {
		t.Errorf("close: %+v, %v", a, err)
	}
	if _, err := dial(t, addr).Do(Get(addr, "/cut")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer that breaks off: %v", err)
	}
}

// What is no whole answer is an error, each in its own way.
func TestBrokenAnswers(t *testing.T) {
	for _, tc := range []struct{ name, answer string }{
		{"nothing", ""},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Len"},
		{"no framing", "HTTP/1.1 200 OK\r\n\r\nbody"},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"not HTTP", "SSH-2.0-x\r\n\r\n"},
		{"length is no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbod"},
		{"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbo"},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n"},
		{"chunk size is no number", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"},
	} {
		l := listen(t)
		var wait sync.WaitGroup
		wait.Go(func() {
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
				t.Error(err)
			}
			_, _ = io.WriteString(conn, tc.answer)
		})
		addr := l.Addr().String()
		if a, err := dial(t, addr).Do(Get(addr, "/")); err == nil {
			t.Errorf("%s: taken for an answer: %+v", tc.name, a)
		}
		wait.Wait()
	}
}

func TestServerEndsWithWhatIsNotHTTP(t *testing.T) {
	s, addr := startServer(t)
	for _, nonsense := range []string{"hello\r\n\r\n", "GET /\r\nContent-Length: x\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"} {
		c := dial(t, addr)
		if _, err := io.WriteString(c, nonsense); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(c); err == nil && strings.HasPrefix(string(b), "HTTP/") {
			t.Errorf("%q was answered %q", nonsense, b)
		}
	}
	if n := s.Requests.Load(); n != 0 {
		t.Errorf("counted %d requests", n)
	}
}

package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// unchecked targets are healthy from the start.
var unchecked = health.Options{Interval: -1}

// shop is a group called shop at /.
func shop(targets ...target.Target) GroupOptions {
	return GroupOptions{Name: "shop", Routes: []string{"/"}, Health: unchecked, Targets: targets}
}

// sticky is shop with cookie affinity.
func sticky(p target.OnDraining, targets ...target.Target) GroupOptions {
	g := shop(targets...)
	g.OnDraining = p
	g.Affinity = AffinityOptions{Mode: AffinityCookie, Cookie: "ek"}
	return g
}

func options(groups ...GroupOptions) Options {
	return Options{Groups: groups, Log: slog.New(slog.DiscardHandler), ShutdownTimeout: 5 * time.Second}
}

// fixture is a gateway that runs until the test ends.
type fixture struct {
	*Gateway
	addr, admin string
	stop        func() error
}

func start(t *testing.T, opt Options) *fixture {
	t.Helper()
	opt.Traffic.Listener, opt.Admin.Listener = listen(t), listen(t)
	f := &fixture{addr: opt.Traffic.Listener.Addr().String(), admin: opt.Admin.Listener.Addr().String()}
	g, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	f.Gateway = g
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	ended := false
	f.stop = func() error {
		ended = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !ended {
			if err := f.stop(); err != nil {
				t.Errorf("run: %v", err)
			}
		}
	})
	return f
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// app is a target that answers with its ID in the body and X-Instance.
func app(t *testing.T, id string, h http.HandlerFunc) target.Target {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", id)
		if h != nil {
			h(w, r)
			return
		}
		io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, id)
	}))
	t.Cleanup(srv.Close)
	return target.Target{ID: id, Address: srv.Listener.Addr().String()}
}

// script is a target that treats each connection by hand: f gets the
// connection and its number from 1.
func script(t *testing.T, id string, f func(c net.Conn, br *bufio.Reader, n int)) target.Target {
	t.Helper()
	ln := listen(t)
	var n atomic.Int32
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c, bufio.NewReader(c), int(n.Add(1)))
			}()
		}
	}()
	return target.Target{ID: id, Address: ln.Addr().String()}
}

// dead is a target that nobody listens on, nor will during the test: its port
// is the other end of a connection.
func dead(t *testing.T, id string) target.Target {
	t.Helper()
	c, err := net.Dial("tcp", listen(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return target.Target{ID: id, Address: c.LocalAddr().String()}
}

// reset closes a connection with RST.
func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// answer is what came back on a raw connection. net/http's client would replay
// by itself and hide what is tested here.
type answer struct {
	*http.Response
	body string
	err  error // of the head or the body
}

// client is one raw connection.
type client struct {
	net.Conn
	br *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// do sends a request of complete lines and reads the answer.
func (c *client) do(method, path, body string, fields ...string) answer {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: shop.example\r\n", method, path)
	for _, f := range fields {
		head += f + "\r\n"
	}
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	if _, err := io.WriteString(c, head+"\r\n"+body); err != nil {
		return answer{err: err}
	}
	return c.read(method)
}

func (c *client) read(method string) answer {
	resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		return answer{err: err}
	}
	b, err := io.ReadAll(resp.Body)
	return answer{resp, string(b), err}
}

// once is do on a connection of its own.
func once(t testing.TB, addr, method, path, body string, fields ...string) answer {
	t.Helper()
	c := dial(t, addr)
	defer c.Close()
	return c.do(method, path, body, fields...)
}

// want fails the test unless a is this status with this body.
func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.err != nil {
		t.Fatalf("no answer: %v", a.err)
	}
	if a.StatusCode != status || body != "" && a.body != body {
		t.Fatalf("got %d %q, want %d %q", a.StatusCode, a.body, status, body)
	}
}

// cookie is the affinity cookie that an answer sets, as a request field.
func (a answer) cookie() string {
	for _, line := range a.Header["Set-Cookie"] {
		if strings.HasPrefix(line, "ek=") {
			v, _, _ := strings.Cut(line, ";")
			return "Cookie: " + v
		}
	}
	return ""
}

// eventually waits for a fact that sockets and goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func (f *fixture) status(t *testing.T, id string) TargetStatus {
	t.Helper()
	s, err := f.Gateway.status("shop", id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

package crowd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/frames"
	"github.com/evenkeel/evenkeel/bench/raw"
)

func TestCounts(t *testing.T) {
	c := New(Options{}, "b")
	c.answered("", 1, nil)
	c.answered("1", 1, nil)
	c.answered("2", 1, errors.New("reset"))
	c.answered("", 1, errors.New("answered 502"))
	cl := &client{Crowd: c}
	for _, on := range []string{"a", "a", "c", "b", "a"} { // b is leaving: going from it is no needless move
		cl.from(raw.Answer{Status: 200, Instance: on})
	}
	r := c.Result()
	if r.Requests != 4 || r.Failed != 2 || len(r.FailedPOSTs) != 1 || r.FailedPOSTs[0] != "2" || r.Moves != 2 || r.FromLeaving != 1 {
		t.Errorf("%+v", r)
	}
	if c.First() == nil || c.First().Error() != "reset" || c.Clean() == nil {
		t.Errorf("first failure: %v", c.First())
	}
}

func TestEndsOfStreams(t *testing.T) {
	for _, tc := range []struct {
		event, mayLeave bool
		on              string
		err             error
		cut, torn, left int
	}{
		{on: "b", cut: 1}, // nobody leaves yet
		{event: true, on: "a", cut: 1},
		{event: true, on: "b", left: 1},
		{event: true, on: "b", err: io.EOF, torn: 1},
		{event: true, mayLeave: true, on: "a", left: 1},
		{event: true, mayLeave: true, on: "a", err: io.EOF, torn: 1},
	} {
		c := New(Options{MayLeave: tc.mayLeave}, "b")
		if tc.event {
			c.Event()
		}
		c.streamEnded(tc.on, tc.err)
		if r := c.Result(); r.StreamsCut != tc.cut || r.StreamsTorn != tc.torn || r.StreamsLeft != tc.left {
			t.Errorf("%+v: %+v", tc, r)
		}
		if (c.Clean() == nil) != (tc.left == 1) {
			t.Errorf("%+v: %v", tc, c.Clean())
		}
	}
}

// A client goes to the other address when the one that it prefers refuses.
func TestFailsOverOnlyWhenRefused(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	gone, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	c := New(Options{Addrs: []string{gone.Addr().String(), srv.Listener.Addr().String()}})
	cl := &client{Crowd: c}
	defer cl.drop()
	if _, err := cl.do(cl.fast().bytes); err != nil {
		t.Errorf("the other was not asked: %v", err)
	}
	if _, err := cl.do(cl.fast().bytes); err == nil {
		t.Error("a broken connection was hidden")
	}
}

// Who looks does not send on a connection that was closed meanwhile.
func TestLooksUnlessBlind(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	for _, blind := range []bool{false, true} {
		cl := &client{Crowd: New(Options{Addrs: []string{srv.Listener.Addr().String()}, Blind: blind})}
		if _, err := cl.do(cl.fast().bytes); err != nil {
			t.Fatal(err)
		}
		if closed(cl.conn.Conn) {
			t.Error("an open connection counts as closed")
		}
		srv.CloseClientConnections()
		for deadline := time.Now().Add(patient); !closed(cl.conn.Conn) && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if _, err := cl.do(cl.fast().bytes); (err != nil) != blind {
			t.Errorf("blind %v: %v", blind, err)
		}
		cl.drop()
	}
}

// A WebSocket sees the end that its server gives it.
func TestSocketEnds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		serve  func(net.Conn, *bufio.Reader)
		closes bool
	}{
		{"Close after an echo", func(c net.Conn, r *bufio.Reader) {
			op, b, _ := frames.Read(r)
			_ = frames.Write(c, op, b, false)
			_ = frames.Write(c, frames.Ping, nil, false)
			_ = frames.Write(c, frames.Close, frames.Status(1012), false)
			_, _ = io.Copy(io.Discard, r)
		}, true},
		{"Close instead of an echo", func(c net.Conn, r *bufio.Reader) {
			_ = frames.Write(c, frames.Close, frames.Status(1012), false)
			_, _ = io.Copy(io.Discard, r)
		}, true},
		{"torn", func(net.Conn, *bufio.Reader) {}, false},
		{"wrong echo", func(c net.Conn, r *bufio.Reader) { _ = frames.Write(c, frames.Text, []byte("wrong"), false) }, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patient))
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nX-Instance: a\r\nSec-WebSocket-Accept: "+frames.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
			tc.serve(c, rw.Reader)
		}))
		cl := &client{Crowd: New(Options{Addrs: []string{srv.Listener.Addr().String()}})}
		on, err := cl.socket(context.Background())
		cl.drop()
		if on != "a" || (err == nil) != tc.closes {
			t.Errorf("%s: on %q, %v", tc.name, on, err)
		}
		srv.Close()
	}
}

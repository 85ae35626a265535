package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

var get = Request{Method: "GET", Path: "/"}

func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, test := range []struct {
		name, answer string
		method       string
		status       int
		body         string
		truncated    bool
		reusable     bool
	}{
		{name: "content length", answer: good, status: 200, body: "ok", reusable: true},
		{name: "chunked", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", status: 200, body: "ok!", reusable: true},
		{name: "trailer", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", status: 200, body: "ok", reusable: true},
		{name: "empty", answer: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", status: 401, reusable: true},
		{name: "no content", answer: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, reusable: true},
		{name: "head", method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", status: 200, reusable: true},
		{name: "redirect", answer: "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n", status: 302, reusable: true},
		{name: "interim", answer: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + good, status: 200, body: "ok", reusable: true},
		{name: "closing", answer: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
		{name: "old", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
		{name: "more than was asked", answer: good + "HTTP/1.1 408 Late\r\n\r\n", status: 200, body: "ok"},
		{name: "too long", answer: "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + long, status: 200, body: long[:2000], truncated: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPeer(t, script{says(test.answer)})
			u := newUser(t, p.url, ClientOptions{MaxBody: 2000, Timeout: patient})
			req := get
			if test.method != "" {
				req.Method = test.method
			}
			x := do(t, u, req)
			if x.Failure != nil || x.Err != nil {
				t.Fatalf("failed: %+v, %v", x.Failure, x.Err)
			}
			if x.Status != test.status || string(x.Body) != test.body || x.Truncated != test.truncated {
				t.Errorf("got %d %q truncated %v", x.Status, x.Body, x.Truncated)
			}
			if x.Call > x.Sent || x.Sent > x.Return || x.Sent < 0 {
				t.Errorf("call %v, sent %v, return %v are out of order", x.Call, x.Sent, x.Return)
			}
			if got := len(u.idle) == 1; got != test.reusable {
				t.Errorf("kept alive %v, want %v", got, test.reusable)
			}
		})
	}
}

func TestUntilClose(t *testing.T) {
	p := newPeer(t, script{ends("HTTP/1.1 200 OK\r\n\r\nuntil the end")})
	x := do(t, newUser(t, p.url, ClientOptions{Timeout: patient}), get)
	if x.Failure != nil || string(x.Body) != "until the end" {
		t.Errorf("got %q, %+v", x.Body, x.Failure)
	}
}

// Facts of failures, on a new connection and on one that was used before.
func TestFailures(t *testing.T) {
	hangs := func(s string) func(*peerConn) { return says(s) }
	for _, test := range []struct {
		name   string
		peer   func(*peerConn)
		short  bool // a time-out is expected
		status int
		want   history.Failure
	}{
		{name: "reset unanswered", peer: resets(""), want: history.Failure{What: "reset"}},
		{name: "end unanswered", peer: ends(""), want: history.Failure{What: "eof"}},
		{name: "silence", peer: hangs(""), short: true, want: history.Failure{What: "timeout"}},
		{name: "end within the head", peer: ends("HTTP/1.1 200 OK\r\nContent-"), want: history.Failure{What: "eof", Answered: true}},
		{name: "silence within the head", peer: hangs("HTTP/1.1 2"), short: true, want: history.Failure{What: "timeout", Answered: true}},
		{name: "end within the body", peer: ends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), status: 200, want: history.Failure{What: "eof", Answered: true}},
		{name: "silence within the body", peer: hangs("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), short: true, status: 200, want: history.Failure{What: "timeout", Answered: true}},
		{name: "end within a chunk", peer: ends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), status: 200, want: history.Failure{What: "eof", Answered: true}},
		{name: "end before the last chunk", peer: ends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), status: 200, want: history.Failure{What: "eof", Answered: true}},
		{name: "no HTTP", peer: says("SSH-2.0-OpenSSH\r\n\r\n"), want: history.Failure{What: "malformed", Answered: true}},
		{name: "bad length", peer: says("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), want: history.Failure{What: "malformed", Answered: true}},
		{name: "bad chunk", peer: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), status: 200, want: history.Failure{What: "malformed", Answered: true}},
		{name: "endless head", peer: says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead+5000)), want: history.Failure{What: "malformed", Answered: true}},
		{name: "interim for ever", peer: says(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", maxInterim)), want: history.Failure{What: "malformed", Answered: true}},
		{name: "unavailable", peer: says("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), status: 503, want: history.Failure{What: "status", Answered: true}},
	} {
		for _, reused := range []bool{false, true} {
			for _, method := range []string{"GET", "POST"} {
				t.Run(test.name+map[bool]string{false: "/new", true: "/reused"}[reused]+"/"+method, func(t *testing.T) {
					s := script{test.peer}
					if reused {
						s = script{says(good), test.peer}
					}
					opt := ClientOptions{Timeout: patient}
					if test.short {
						opt.Timeout = 50 * time.Millisecond
					}
					u := newUser(t, newPeer(t, s).url, opt)
					if reused {
						if x := do(t, u, get); x.Failure != nil {
							t.Skipf("the first exchange failed on this machine: %v", x.Err)
						}
					}
					x := do(t, u, Request{Method: method, Path: "/"})
					want := test.want
					want.Reused, want.Idempotent = reused, method == "GET"
					if diff := cmp.Diff(&want, x.Failure); diff != "" {
						t.Errorf("failure (-want +got):\n%s%v", diff, x.Err)
					}
					if x.Status != test.status || x.Sent < 0 {
						t.Errorf("status %d, sent %v", x.Status, x.Sent)
					}
					if kept := len(u.idle); kept != 0 && test.want.What != "status" {
						t.Errorf("%d connections kept after a failure", kept)
					}
				})
			}
		}
	}
}

// A reset throws away what the kernel has not handed over, so the peer waits
// until the client has seen the first bytes.
func TestResetAmidTheAnswer(t *testing.T) {
	seen := make(chan struct{})
	p := newPeer(t, script{func(c *peerConn) {
		c.say("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\n\r\nhalf")
		<-seen
		c.reset()
	}})
	u := newUser(t, p.url, ClientOptions{Timeout: patient})
	go func() {
		defer close(seen)
		for deadline := time.Now().Add(patient); u.Cookies() == "" && time.Now().Before(deadline); {
			runtime.Gosched()
		}
	}()
	x := do(t, u, get)
	if diff := cmp.Diff(&history.Failure{What: "reset", Idempotent: true, Answered: true}, x.Failure); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
	if x.Status != 200 || u.Cookies() != "a=b" {
		t.Errorf("status %d, cookies %q: the head had arrived", x.Status, u.Cookies())
	}
}

func TestRefused(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	x := do(t, newUser(t, "http://"+ln.Addr().String(), ClientOptions{}), Request{Method: "POST", Path: "/"})
	if diff := cmp.Diff(&history.Failure{What: "refused"}, x.Failure); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
	if x.Sent >= 0 || x.Status != 0 || x.Err == nil {
		t.Errorf("sent %v, status %d, error %v", x.Sent, x.Status, x.Err)
	}
}

func TestTimeoutsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		u := newUser(t, "http://drilled", ClientOptions{Dial: p.dial, Timeout: 3 * time.Second})
		req := get
		req.Longer = 2 * time.Second
		x := do(t, u, req)
		if x.Failure == nil || x.Failure.What != "timeout" || x.Return-x.Sent != 5*time.Second {
			t.Errorf("after %v: %+v", x.Return-x.Sent, x.Failure)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		x, err := u.Do(ctx, get)
		if err != nil || x.Failure == nil || x.Failure.What != "timeout" || x.Return-x.Sent != time.Second {
			t.Errorf("ended context: after %v: %+v, %v", x.Return-x.Sent, x.Failure, err)
		}
		u.c.opt.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		x = do(t, u, get)
		if x.Failure == nil || x.Failure.What != "timeout" || x.Sent >= 0 || x.Return-x.Call != 3*time.Second {
			t.Errorf("dialling: after %v: %+v", x.Return-x.Call, x.Failure)
		}
		if len(u.idle) != 0 || u.busy != 0 {
			t.Errorf("%d idle, %d busy", len(u.idle), u.busy)
		}
	})
}

func TestMasked(t *testing.T) {
	for _, test := range []struct {
		name   string
		second func(*peerConn)
		third  func(*peerConn)
		req    Request
		resent bool
		masked bool
		status int
	}{
		{name: "answered", second: resets(""), third: says(good), req: get, resent: true, masked: true, status: 200},
		{name: "ended", second: ends(""), third: says(good), req: get, resent: true, masked: true, status: 200},
		{name: "unavailable", second: resets(""), third: says("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), req: get, resent: true, status: 503},
		{name: "reset again", second: resets(""), third: resets(""), req: get, resent: true},
		{name: "POST", second: resets(""), third: says(good), req: Request{Method: "POST", Path: "/"}},
		{name: "answered in part", second: ends("HTTP"), third: says(good), req: get},
		{name: "no failure", second: says(good), third: says(good), req: get, status: 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPeer(t, script{says(good), test.second, test.third})
			u := newUser(t, p.url, ClientOptions{Timeout: patient})
			do(t, u, get)
			first := do(t, u, test.req)
			x, resent := u.Masked(t.Context(), test.req, first)
			if resent != test.resent || x.Status != test.status {
				t.Errorf("resent %v with %d, want %v with %d", resent, x.Status, test.resent, test.status)
			}
			if got := x.Failure != nil && x.Failure.Masked; got != test.masked {
				t.Errorf("failure %+v, want masked %v", x.Failure, test.masked)
			}
			if !resent {
				return
			}
			if p.connections() != 2 {
				t.Errorf("%d connections, want the resend on a fresh one", p.connections())
			}
			if !x.Failure.Reused || x.Failure.Answered || x.Call != first.Call || x.Return < first.Return {
				t.Errorf("failure %+v from %v to %v, first from %v to %v", x.Failure, x.Call, x.Return, first.Call, first.Return)
			}
		})
	}
	t.Run("new connection", func(t *testing.T) {
		u := newUser(t, newPeer(t, script{resets(""), says(good)}).url, ClientOptions{Timeout: patient})
		if _, resent := u.Masked(t.Context(), get, do(t, u, get)); resent {
			t.Error("resent after a failure on a new connection")
		}
	})
	t.Run("time-out", func(t *testing.T) {
		u := newUser(t, newPeer(t, script{says(good), says("")}).url, ClientOptions{Timeout: 50 * time.Millisecond})
		do(t, u, get)
		x := do(t, u, get)
		if _, resent := u.Masked(t.Context(), get, x); resent || x.Failure.What != "timeout" {
			t.Errorf("resent %v after %+v", resent, x.Failure)
		}
	})
}

// A connection that was closed while idle is neither used nor a failure.
func TestStaleConnections(t *testing.T) {
	for name, closes := range map[string]func(*peerConn){
		"closed":         func(c *peerConn) { c.Close() },
		"reset":          func(c *peerConn) { c.reset() },
		"408 and closed": func(c *peerConn) { c.say("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			idle := make(chan struct{})
			closed := make(chan struct{})
			p := newPeer(t, script{func(c *peerConn) {
				c.say(good)
				<-idle
				closes(c)
				close(closed)
			}, says(good)})
			u := newUser(t, p.url, ClientOptions{Timeout: patient})
			do(t, u, get)
			close(idle)
			<-closed
			for deadline := time.Now().Add(patient); !isStale(u.idle[0].conn); runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatal("never found out")
				}
			}
			x := do(t, u, Request{Method: "POST", Path: "/"})
			if x.Failure != nil || x.Status != 200 {
				t.Errorf("%d, %+v, %v", x.Status, x.Failure, x.Err)
			}
			if n := u.c.stale.Load(); n != 1 || p.connections() != 2 {
				t.Errorf("%d stale, %d connections", n, p.connections())
			}
		})
	}
}

func TestLanes(t *testing.T) {
	release := make(chan struct{})
	p := newPeer(t, script{func(c *peerConn) { <-release; c.say(good) }})
	u := newUser(t, p.url, ClientOptions{Lanes: 3, Timeout: patient})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if x, err := u.Do(t.Context(), get); err != nil || x.Failure != nil {
				t.Errorf("%v, %+v", err, x.Failure)
			}
		})
	}
	for deadline := time.Now().Add(patient); p.connections() < 3; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("three requests do not overlap")
		}
	}
	if _, err := u.Do(t.Context(), get); !errors.Is(err, ErrLanes) {
		t.Errorf("a fourth: %v, want ErrLanes", err)
	}
	close(release)
	wg.Wait()
	for range 5 {
		do(t, u, get)
	}
	if p.connections() != 3 || len(u.idle) != 3 {
		t.Errorf("%d connections, %d idle, want three that are kept", p.connections(), len(u.idle))
	}
}

// Beyond ClientOptions.Open a user keeps one idle connection.
func TestOpenConnectionsAreBounded(t *testing.T) {
	release := make(chan struct{})
	p := newPeer(t, script{func(c *peerConn) { <-release; c.say(good) }})
	c, err := NewClient([]string{p.url}, NewClock(), ClientOptions{Open: 2, Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	users := []*User{c.User(), c.User()}
	var wg sync.WaitGroup
	for _, u := range users {
		for range 4 {
			wg.Go(func() {
				if x, err := u.Do(t.Context(), get); err != nil || x.Failure != nil {
					t.Errorf("%v, %+v", err, x.Failure)
				}
			})
		}
	}
	for deadline := time.Now().Add(patient); p.connections() < 8; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("eight requests do not overlap")
		}
	}
	close(release)
	wg.Wait()
	if n := c.open.Load(); n != 2 || len(users[0].idle) != 1 || len(users[1].idle) != 1 {
		t.Errorf("%d open, %d and %d idle, want one of each user", n, len(users[0].idle), len(users[1].idle))
	}
	for _, u := range users {
		u.Close()
	}
	if n := c.open.Load(); n != 0 {
		t.Errorf("%d open after Close", n)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	got := make(chan *http.Request, 4)
	bodies := make(chan string, 4)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- string(b)
		got <- r
		w.Header().Add("Set-Cookie", "a=1; Path=/")
		w.Header().Add("Set-Cookie", "b=2")
	}))
	t.Cleanup(srv.Close)
	u := newUser(t, srv.URL+"/base/", ClientOptions{Timeout: patient})
	do(t, u, Request{Method: "POST", Path: "/p?q=1", Fields: []Field{{"X-K", "v"}}, Body: []byte("body")})
	r := <-got
	if b := <-bodies; r.Method != "POST" || r.URL.String() != "/base/p?q=1" || r.Header.Get("X-K") != "v" || b != "body" || r.Header.Get("Cookie") != "" {
		t.Errorf("got %v %v %q %v", r.Method, r.URL, b, r.Header)
	}
	if want := strings.TrimPrefix(srv.URL, "http://"); r.Host != want {
		t.Errorf("host %q, want %q", r.Host, want)
	}
	for _, test := range []struct {
		req  Request
		want string
	}{
		{Request{Method: "GET", Path: "/"}, "a=1; b=2"},
		{Request{Method: "GET", Path: "/", Cookie: "b=old"}, "b=old; a=1"},
		{Request{Method: "GET", Path: "/", Cookie: "b=old", Detached: true}, "b=old"},
		{Request{Method: "GET", Path: "/", Detached: true}, ""},
	} {
		x := do(t, u, test.req)
		<-bodies
		if r := <-got; r.Header.Get("Cookie") != test.want || x.Cookie != test.want {
			t.Errorf("%+v presents %q, says %q, want %q", test.req, r.Header.Get("Cookie"), x.Cookie, test.want)
		}
	}
}

// A detached answer leaves the jar alone; others apply as they arrive.
func TestCookiesInOrderOfArrival(t *testing.T) {
	release := make(chan struct{})
	p := newPeer(t, script{
		func(c *peerConn) {
			<-release
			c.say("HTTP/1.1 200 OK\r\nSet-Cookie: sid=first\r\nContent-Length: 0\r\n\r\n")
		},
		says("HTTP/1.1 200 OK\r\nSet-Cookie: sid=second\r\nContent-Length: 0\r\n\r\n"),
		says("HTTP/1.1 200 OK\r\nSet-Cookie: sid=third\r\nContent-Length: 0\r\n\r\n"),
	})
	u := newUser(t, p.url, ClientOptions{Timeout: patient})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := u.Do(t.Context(), get); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(patient); ; runtime.Gosched() {
		p.mu.Lock()
		step := p.step
		p.mu.Unlock()
		if step == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the first request does not arrive")
		}
	}
	do(t, u, get)
	if got := u.Cookies(); got != "sid=second" {
		t.Errorf("cookies %q", got)
	}
	close(release)
	wg.Wait()
	if got := u.Cookies(); got != "sid=first" {
		t.Errorf("cookies %q, want those of the answer that came last", got)
	}
	detached := get
	detached.Detached = true
	do(t, u, detached)
	if got := u.Cookies(); got != "sid=first" {
		t.Errorf("cookies %q after a detached request", got)
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("protocol %s", r.Proto)
		}
		io.WriteString(w, "ok")
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	conf := srv.Client().Transport.(*http.Transport).TLSClientConfig
	u := newUser(t, srv.URL, ClientOptions{TLS: conf, Timeout: patient, DialTimeout: patient})
	for range 3 {
		if x := do(t, u, get); x.Failure != nil || string(x.Body) != "ok" {
			t.Fatalf("%+v, %v", x.Failure, x.Err)
		}
	}
	if n := u.c.dialled.Load(); n != 1 {
		t.Errorf("%d connections, want one that is kept", n)
	}
	x := do(t, newUser(t, srv.URL, ClientOptions{DialTimeout: patient}), get)
	if x.Failure == nil || x.Failure.What != "refused" || x.Sent >= 0 {
		t.Errorf("unknown authority: %+v", x.Failure)
	}
}

func TestSeveralTargets(t *testing.T) {
	a, b := newPeer(t, script{ends(good)}), newPeer(t, script{ends(good)})
	c, err := NewClient([]string{a.url, b.url}, NewClock(), ClientOptions{Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		u := c.User()
		do(t, u, get)
		u.Close()
	}
	if a.connections() != 2 || b.connections() != 2 {
		t.Errorf("%d and %d connections, want two each", a.connections(), b.connections())
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, target := range []string{"", "127.0.0.1:80", "ftp://h/", "http://", "http://u:p@h/", "http://h/?q", "http://h/#f", ":"} {
		if _, err := NewClient([]string{target}, NewClock(), ClientOptions{}); err == nil {
			t.Errorf("target %q: accepted", target)
		}
	}
	if _, err := NewClient(nil, NewClock(), ClientOptions{}); err == nil {
		t.Error("no target: accepted")
	}
	if _, err := NewClient([]string{"http://h"}, NewClock(), ClientOptions{Lanes: -1}); err == nil {
		t.Error("negative lanes: accepted")
	}
}

// Nothing is sent twice: the peer counts.
func TestNoHiddenRetries(t *testing.T) {
	var mu sync.Mutex
	requests := bytes.Buffer{}
	count := func(c *peerConn) {
		mu.Lock()
		defer mu.Unlock()
		requests.WriteString(c.req.URL.Path)
		if c.req.URL.Path == "/cut" {
			c.Close()
			return
		}
		c.say(good)
	}
	u := newUser(t, newPeer(t, script{count}).url, ClientOptions{Timeout: patient})
	for _, path := range []string{"/ok", "/cut", "/ok", "/cut"} {
		do(t, u, Request{Method: "GET", Path: path})
	}
	mu.Lock()
	defer mu.Unlock()
	if got, want := requests.String(), "/ok/cut/ok/cut"; got != want {
		t.Errorf("peer saw %s, want %s", got, want)
	}
}

package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// A failed connect goes to another target for every method, with the body, and
// the target is ejected.
func TestConnectFailureIsRetried(t *testing.T) {
	f := start(t, options(shop(dead(t, "a"), app(t, "b", echo))))
	for _, method := range []string{"POST", "GET", "PATCH", "DELETE"} {
		if _, err := f.SetTargets("shop", "", nil); err != nil { // both out
			t.Fatal(err)
		}
		eventually(t, "an empty table", func() bool { s, _ := f.Targets("shop"); return len(s) == 0 })
		a, b := dead(t, "a"), app(t, "b", echo)
		if _, err := f.SetTargets("shop", "", []target.Target{a, b}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // one of them meets the dead one
			got := once(t, f.addr, method, "/", "payload")
			got.want(t, 200, "")
			if !strings.Contains(got.body, "payload") {
				t.Errorf("%s lost its body: %q", method, got.body)
			}
		}
		if s := f.status(t, "a"); s.State != target.Unhealthy {
			t.Errorf("%s: the dead target is %v", method, s.State)
		}
	}
	s := f.Stats().Groups[0]
	if s.Retries != 4 || s.Ejections != 4 || s.Replays != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestAllDead(t *testing.T) {
	f := start(t, options(shop(dead(t, "a"), dead(t, "b"))))
	for range 3 { // the last of them when both are ejected: fail open
		a := once(t, f.addr, "POST", "/", "x")
		a.want(t, 502, "502 Bad Gateway: the target failed\n")
		if id := a.Header.Get("X-Instance"); id != "a" && id != "b" {
			t.Errorf("X-Instance %q", id)
		}
	}
}

// What each kind of failure means for each kind of request. The first
// connection fails, later ones answer.
func TestReplays(t *testing.T) {
	untilHead := func(c net.Conn, br *bufio.Reader) {
		for {
			line, err := br.ReadString('\n')
			if err != nil || line == "\r\n" {
				return
			}
		}
	}
	failures := map[string]func(c net.Conn, br *bufio.Reader){
		"reset": func(c net.Conn, br *bufio.Reader) { untilHead(c, br); reset(c) },
		"close": func(c net.Conn, br *bufio.Reader) { untilHead(c, br) },
		"byte":  func(c net.Conn, br *bufio.Reader) { untilHead(c, br); io.WriteString(c, "H") },
	}
	failures["late"] = func(c net.Conn, br *bufio.Reader) {
		untilHead(c, br)
		io.CopyN(io.Discard, br, maxKept+1)
		reset(c)
	}
	big := strings.Repeat("x", 4*maxKept)
	for _, tc := range []struct {
		failure, method, body, field string
		post                         POSTReplay
		seen                         int32 // by the target
		status                       int
	}{
		{failure: "reset", method: "GET", seen: 2, status: 200},
		{failure: "close", method: "GET", seen: 2, status: 200},
		{failure: "reset", method: "PUT", body: "body", seen: 2, status: 200},
		{failure: "reset", method: "DELETE", seen: 2, status: 200},
		{failure: "byte", method: "GET", seen: 1, status: 502},
		{failure: "reset", method: "POST", body: "body", seen: 1, status: 502},
		{failure: "close", method: "POST", body: "body", seen: 1, status: 502},
		{failure: "reset", method: "POST", seen: 1, status: 502},
		{failure: "reset", method: "PATCH", body: "body", seen: 1, status: 502},
		{failure: "late", method: "PUT", body: big, seen: 1, status: 502},
		{failure: "reset", method: "POST", body: "body", field: "Idempotency-Key: 1", seen: 1, status: 502},
		{failure: "reset", method: "POST", body: "body", field: "Idempotency-Key: 1", post: ReplayIdempotencyKey, seen: 2, status: 200},
		{failure: "reset", method: "POST", body: "body", post: ReplayIdempotencyKey, seen: 1, status: 502},
		{failure: "reset", method: "POST", body: "body", post: ReplayAlways, seen: 2, status: 200},
	} {
		t.Run(tc.failure+" "+tc.method+" "+tc.field+" "+tc.post.String(), func(t *testing.T) {
			var seen atomic.Int32
			tgt := func(id string) target.Target {
				return script(t, id, func(c net.Conn, br *bufio.Reader, _ int) {
					if seen.Add(1) == 1 {
						failures[tc.failure](c, br)
						return
					}
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					b, _ := io.ReadAll(r.Body)
					resp := http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(b)), Body: io.NopCloser(strings.NewReader(string(b)))}
					resp.Write(c)
				})
			}
			grp := shop(tgt("a"), tgt("b"))
			grp.Retries.POST = tc.post
			f := start(t, options(grp))
			got := once(t, f.addr, tc.method, "/", tc.body, tc.field+"X: y")
			if got.err != nil || got.StatusCode != tc.status || seen.Load() != tc.seen {
				t.Fatalf("got %v %v, seen %d times", got.Response, got.err, seen.Load())
			}
			if tc.status == 200 && got.body != tc.body {
				t.Errorf("body %q, want %q", got.body, tc.body)
			}
			if tc.status != 200 && got.Header.Get("X-Instance") == "" {
				t.Error("the failure has no X-Instance")
			}
		})
	}
}

// A connection that went stale is replaced without anybody noticing, for POST
// too, because nothing was written to it.
func TestStaleConnection(t *testing.T) {
	closed := make(chan struct{}, 10)
	f := start(t, options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
		c.Close()
		closed <- struct{}{}
	}))))
	for range 5 {
		once(t, f.addr, "POST", "/", "").want(t, 200, "a")
		<-closed
	}
}

func TestBrokenBodyNeverEndsCleanly(t *testing.T) {
	for name, raw := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
		"events":  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		for _, end := range []func(net.Conn){reset, func(c net.Conn) { c.Close() }} {
			f := start(t, options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
				http.ReadRequest(br)
				io.WriteString(c, raw)
				end(c)
			}))))
			a := once(t, f.addr, "GET", "/", "")
			if a.err == nil {
				t.Errorf("%s: a broken answer looks whole: %d %q", name, a.StatusCode, a.body)
			}
			if strings.Contains(a.body, "502") || strings.Contains(a.body, "error") {
				t.Errorf("%s: something was appended: %q", name, a.body)
			}
		}
	}
}

func TestHeaderTimeout(t *testing.T) {
	opt := options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
		http.ReadRequest(br)
		io.Copy(io.Discard, br) // until the gateway gives up
	})))
	opt.Upstream.HeaderTimeout = 20 * time.Millisecond
	f := start(t, opt)
	a := once(t, f.addr, "GET", "/", "")
	a.want(t, 504, "504 Gateway Timeout: the target did not answer in time\n")
	if a.Header.Get("X-Instance") != "a" || f.status(t, "a").State != target.Healthy {
		t.Errorf("%v, %v", a.Header, f.status(t, "a").State)
	}
}

// What a client causes never ejects a target and is not retried.
func TestClientLeaves(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	var n atomic.Int32
	f := start(t, options(shop(app(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			close(arrived)
		}
		<-r.Context().Done()
		close(left)
	}))))
	c := dial(t, f.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-arrived
	c.Close()
	<-left
	eventually(t, "nothing in flight", func() bool { return f.status(t, "a").InFlight == 0 })
	if s := f.status(t, "a"); s.State != target.Healthy || n.Load() != 1 {
		t.Errorf("%v after %d requests", s.State, n.Load())
	}
	// Half a body: the target hears of it, the gateway does not hang.
	c = dial(t, f.addr)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
	c.Close()
	eventually(t, "nothing in flight", func() bool { return f.status(t, "a").InFlight == 0 })
}

// Our own lack of descriptors is no verdict about a target.
func TestLocalFailureDoesNotEject(t *testing.T) {
	g, err := New(options(shop(target.Target{ID: "a", Address: "127.0.0.1:1"})))
	if err != nil {
		t.Fatal(err)
	}
	e := g.groups()[0].table.Load().entries[0]
	dial := func(cause error) *upstream.Error { return &upstream.Error{Stage: upstream.StageDial, Err: cause} }
	for _, own := range []error{&net.OpError{Err: syscall.EMFILE}, &net.OpError{Err: syscall.EADDRNOTAVAIL}, upstream.ErrClosed} {
		g.connectFailed(g.groups()[0], e, dial(own))
		if s, _ := e.refusal(); s != target.Healthy {
			t.Errorf("%v made it %v", own, s)
		}
	}
	g.connectFailed(g.groups()[0], e, dial(&net.OpError{Err: syscall.ECONNREFUSED}))
	if s, isDead := e.refusal(); s != target.Unhealthy || !isDead {
		t.Errorf("a refused connection made it %v", s)
	}
}

// engine is a pool of which each request is answered by f.
type engine func(ctx context.Context, r *upstream.Request) (*upstream.Response, error)

func (f engine) Do(ctx context.Context, r *upstream.Request) (*upstream.Response, error) {
	return f(ctx, r)
}
func (engine) CloseIdle() {}
func (engine) Close()     {}

// A POST of which provably nothing was received is sent again, unless never.
func TestUnreceivedPOST(t *testing.T) {
	for post, want := range map[POSTReplay]int{ReplayUnsent: 2, ReplayNever: 1} {
		grp := shop()
		grp.Retries.POST = post
		g, err := New(options(grp))
		if err != nil {
			t.Fatal(err)
		}
		sent := 0
		g.newPool = func(string) pool {
			return engine(func(_ context.Context, r *upstream.Request) (*upstream.Response, error) {
				if b, _ := io.ReadAll(r.Body); string(b) != "body" {
					t.Errorf("attempt %d has the body %q", sent+1, b)
				}
				if sent++; sent == 1 {
					return nil, &upstream.Error{Stage: upstream.StageWrite, Unreceived: true, Err: errors.New("closed")}
				}
				return &upstream.Response{StatusCode: 204, ContentLength: -1, Body: http.NoBody}, nil
			})
		}
		for _, id := range []string{"a", "b"} {
			if err := g.Register("shop", target.Target{ID: id, Address: "127.0.0.1:1"}); err != nil {
				t.Fatal(err)
			}
		}
		w := record(g, "POST", "/", "body")
		if sent != want || (w.Code == 204) != (want == 2) {
			t.Errorf("%v: sent %d times, answer %d", post, sent, w.Code)
		}
	}
}

func TestBudget(t *testing.T) {
	b := budget{percent: 20}
	now := time.Unix(1000, 0)
	taken := func(requests uint64) int {
		n := 0
		for b.take(requests, now) {
			n++
		}
		return n
	}
	if n := taken(100); n != budgetMinimum {
		t.Errorf("%d at the start", n)
	}
	if n := taken(1100); n != 200 {
		t.Errorf("%d more after 1000 requests, want 200", n)
	}
	now = now.Add(budgetWindow)
	if n := taken(1100); n != budgetMinimum {
		t.Errorf("%d in the next window", n)
	}
}

// With every target failing, replays stay within the budget.
func TestBudgetBoundsAnOutage(t *testing.T) {
	grp := shop()
	g, err := New(options(grp))
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	g.newPool = func(string) pool {
		return engine(func(context.Context, *upstream.Request) (*upstream.Response, error) {
			sent++
			return nil, &upstream.Error{Stage: upstream.StageHead, Wrote: 10, Err: io.ErrUnexpectedEOF}
		})
	}
	if err := g.Register("shop", target.Target{ID: "a", Address: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	if err := g.Register("shop", target.Target{ID: "b", Address: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	const n = 1000
	for range n {
		if w := record(g, "GET", "/", ""); w.Code != 502 {
			t.Fatalf("got %d", w.Code)
		}
	}
	// Several windows on a slow machine give the minimum several times.
	s := g.Stats().Groups[0]
	if uint64(sent) != n+s.Replays || s.Replays < budgetMinimum || s.Replays > n/2 {
		t.Errorf("%d requests were sent %d times, %d replays", n, sent, s.Replays)
	}
}

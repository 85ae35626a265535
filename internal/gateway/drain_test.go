package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

func (f *fixture) drain(t *testing.T, id string) DrainResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := f.Drain(ctx, "shop", id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDrainIdle(t *testing.T) {
	f := start(t, options(shop(app(t, "a", nil), app(t, "b", nil))))
	for range 2 { // the second time it is the result of the first
		if d := cmp.Diff(DrainResult{Empty: true}, f.drain(t, "a")); d != "" {
			t.Error(d)
		}
	}
	if s := f.status(t, "a"); s.State != target.Draining {
		t.Errorf("a drained target is %v", s.State)
	}
	for range 4 {
		once(t, f.addr, "GET", "/", "").want(t, 200, "b")
	}
	if _, err := f.Drain(t.Context(), "shop", "x"); !errors.Is(err, ErrUnknownTarget) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Drain(t.Context(), "x", "a"); !errors.Is(err, ErrUnknownGroup) {
		t.Errorf("got %v", err)
	}
	f.drain(t, "b")
	once(t, f.addr, "GET", "/", "").want(t, 503, "") // drained targets are no last resort
}

func TestDrainWaitsForRequests(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	f := start(t, options(shop(app(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish
		io.WriteString(w, "whole")
	}))))
	c := dial(t, f.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-arrived
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := f.Drain(late, "shop", "a"); err != nil || r.Empty || r.InFlight != 1 {
		t.Fatalf("got %+v, %v", r, err)
	}
	got := make(chan DrainResult)
	go func() { got <- f.drain(t, "a") }()
	select {
	case r := <-got:
		t.Fatalf("empty with a request in flight: %+v", r)
	case <-time.After(20 * time.Millisecond): // not proof, but it would be quick
	}
	close(finish)
	c.read("GET").want(t, 200, "whole")
	if r := <-got; !r.Empty || r.InFlight != 0 || r.Cut != 0 {
		t.Errorf("got %+v", r)
	}
}

// Idle connections to the target close at once, and those that become idle.
func TestDrainClosesIdleConnections(t *testing.T) {
	closed := make(chan struct{}, 10)
	var conns atomic.Int32
	f := start(t, options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
		conns.Add(1)
		for {
			if _, err := http.ReadRequest(br); err != nil {
				closed <- struct{}{}
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
		}
	}))))
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
	if conns.Load() != 1 {
		t.Fatalf("%d connections", conns.Load())
	}
	f.drain(t, "a")
	<-closed
}

func TestDeregistrationDelayCuts(t *testing.T) {
	arrived := make(chan struct{}, 3)
	grp := shop(app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/body":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done() // the cut reaches the target
	}))
	grp.DeregistrationDelay, grp.StreamsLeave = 30*time.Millisecond, -1
	f := start(t, options(grp))
	var clients []*client
	for _, path := range []string{"/head", "/body", "/events"} {
		c := dial(t, f.addr)
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", path)
		<-arrived
		clients = append(clients, c)
	}
	eventually(t, "the stream counts as one", func() bool { return f.status(t, "a").Streams == 1 })
	if d := cmp.Diff(DrainResult{Empty: true, Cut: 3}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
	a := clients[0].read("POST")
	a.want(t, 503, "503 Service Unavailable: the target has left\n")
	if a.Header.Get("X-Instance") != "a" {
		t.Error("the cut has no X-Instance")
	}
	for _, c := range clients[1:] {
		if a := c.read("POST"); a.err == nil {
			t.Errorf("a cut answer looks whole: %q", a.body)
		}
	}
	if s := f.Stats().Groups[0]; s.Cut != 3 {
		t.Errorf("%d cut", s.Cut)
	}
}

// A GET that is cut before it was answered is answered by another target.
func TestCutGETIsReplayed(t *testing.T) {
	arrived := make(chan struct{}, 1)
	grp := shop(app(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	grp.DeregistrationDelay = time.Millisecond
	f := start(t, options(grp))
	c := dial(t, f.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-arrived
	if err := f.Register("shop", app(t, "b", nil)); err != nil {
		t.Fatal(err)
	}
	if r := f.drain(t, "a"); r.Cut != 1 {
		t.Errorf("got %+v", r)
	}
	c.read("GET").want(t, 200, "b")
}

// Under finish the sessions stay until they are idle, and hold the target.
func TestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grp := sticky(target.Finish)
		grp.Affinity.IdleTimeout = 10 * time.Minute
		grp.DeregistrationDelay = time.Hour
		g, _ := bubble(t, grp)
		register(t, g, "a", "b")
		get := func(cookie string) (id, next string) {
			w := record(g, "GET", "/", "", cookie)
			return w.Header().Get("X-Instance"), answer{Response: w.Result()}.cookie()
		}
		mine := ""
		for range 4 {
			if id, cookie := get("X: y"); id == "a" {
				mine = cookie
			}
		}
		done := make(chan DrainResult, 1)
		go func() {
			r, err := g.Drain(t.Context(), "shop", "a")
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		synctest.Wait()
		if s, err := g.status("shop", "a"); err != nil || s.BoundSessions != 2 || s.State != target.Draining {
			t.Errorf("got %+v, %v", s, err)
		}
		for range 5 {
			if id, _ := get(mine); id != "a" {
				t.Errorf("the bound session goes to %s", id)
			}
			if id, _ := get("X: y"); id != "b" {
				t.Errorf("an unbound request goes to %s", id)
			}
			time.Sleep(9 * time.Minute)
		}
		synctest.Wait()
		if s, err := g.status("shop", "a"); err != nil || s.BoundSessions != 1 || len(done) != 0 {
			t.Errorf("got %+v, %v", s, err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(done) != 1 {
			t.Fatal("an idle session holds the target")
		}
		if d := cmp.Diff(DrainResult{Empty: true}, <-done); d != "" {
			t.Error(d)
		}
		if id, cookie := get(mine); id != "b" || cookie == "" {
			t.Errorf("an idle session came back to a drained target: %s", id)
		}
	})
}

func TestFinishIsCutAtTheDelay(t *testing.T) {
	grp := sticky(target.Finish, app(t, "a", nil), app(t, "b", nil))
	grp.DeregistrationDelay = 30 * time.Millisecond
	f := start(t, options(grp))
	sessions(t, f.addr, 6)
	if d := cmp.Diff(DrainResult{Empty: true, BoundSessions: 3}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
	if s := f.status(t, "a"); s.BoundSessions != 0 {
		t.Errorf("%d sessions are still bound", s.BoundSessions)
	}
}

func TestDeregisterRemoves(t *testing.T) {
	f := start(t, options(shop(app(t, "a", nil), app(t, "b", nil))))
	sub := f.Subscribe(0)
	defer sub.Close()
	r, err := f.DeregisterAndWait(t.Context(), "shop", "a")
	if err != nil || !r.Empty {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, want := range []EventKind{EventState, EventDrained, EventRemoved} {
		if ev := <-sub.C; ev.Kind != want || ev.Target != "a" {
			t.Errorf("got %+v, want %s", ev, want)
		}
	}
	if targets, _ := f.Targets("shop"); len(targets) != 1 {
		t.Errorf("got %+v", targets)
	}
	// Also when there was something to wait for.
	slow := make(chan struct{})
	arrived := make(chan struct{})
	if err := f.Register("shop", app(t, "c", func(http.ResponseWriter, *http.Request) { close(arrived); <-slow })); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 2 {
			c, err := net.Dial("tcp", f.addr)
			if err != nil {
				return
			}
			defer c.Close()
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		}
		<-arrived
		close(slow)
	}()
	<-arrived
	if r, err := f.DeregisterAndWait(t.Context(), "shop", "c"); err != nil || !r.Empty {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := f.Gateway.status("shop", "c"); !errors.Is(err, ErrUnknownTarget) {
		t.Errorf("deregistered, but still there: %v", err)
	}
	// Drained first, deregistered afterwards.
	f.drain(t, "b")
	if err := f.Deregister("shop", "b"); err != nil {
		t.Fatal(err)
	}
	if targets, _ := f.Targets("shop"); len(targets) != 0 {
		t.Errorf("got %+v", targets)
	}
	if err := f.Deregister("shop", "b"); !errors.Is(err, ErrUnknownTarget) {
		t.Errorf("got %v", err)
	}
}

func TestRegisterBringsADrainingTargetBack(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	a := app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-finish
		}
		io.WriteString(w, "a")
	})
	f := start(t, options(sticky(target.Move, a)))
	c := dial(t, f.addr)
	io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	<-arrived
	startDrain(t, f, "a")
	errs := make(chan error)
	go func() {
		_, err := f.DeregisterAndWait(t.Context(), "shop", "a")
		errs <- err
	}()
	e := f.groups()[0].entries["a"]
	eventually(t, "to be removed at the end", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return e.drain.remove })
	if err := f.Register("shop", a); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; !errors.Is(err, ErrReturned) {
		t.Errorf("got %v", err)
	}
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
	close(finish)
	c.read("GET").want(t, 200, "a")
	if s := f.status(t, "a"); s.State != target.Healthy {
		t.Errorf("%+v", s)
	}
	// Also after it had drained.
	f.drain(t, "a")
	if err := f.Register("shop", a); err != nil {
		t.Fatal(err)
	}
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
}

// A new address under a known ID: the old one ends what it has, untouched.
func TestReplacedTargetFinishes(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	f := start(t, options(shop(app(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish
		io.WriteString(w, "old")
	}))))
	c := dial(t, f.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-arrived
	if err := f.Register("shop", app(t, "a", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "new") })); err != nil {
		t.Fatal(err)
	}
	once(t, f.addr, "GET", "/", "").want(t, 200, "new")
	if s := f.status(t, "a"); s.InFlight != 0 || s.State != target.Healthy {
		t.Errorf("%+v", s)
	}
	close(finish)
	c.read("GET").want(t, 200, "old")
}

// tally is an engine that knows how many exchanges are under way, and whether
// there may be any.
type tally struct {
	underway  atomic.Int32
	forbidden atomic.Bool
	broken    atomic.Int32
}

type tallyBody struct{ t *tally }

func (tallyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (b tallyBody) Close() error           { b.t.leave(); return nil }

func (y *tally) leave() {
	if y.forbidden.Load() {
		y.broken.Add(1)
	}
	y.underway.Add(-1)
}

func (y *tally) Do(context.Context, *upstream.Request) (*upstream.Response, error) {
	y.underway.Add(1)
	if y.forbidden.Load() {
		y.broken.Add(1)
	}
	runtime.Gosched()
	return &upstream.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 0, Body: tallyBody{y}}, nil
}
func (*tally) CloseIdle() {}
func (*tally) Close()     {}

// The empty event is exact: while requests come as fast as they can, unbound
// and bound, a target is drained and brought back again and again. From the
// moment the drain answers until it is registered again nothing may be under
// way there.
func TestEmptyIsExact(t *testing.T) {
	for _, p := range []target.OnDraining{target.Move, target.Finish} {
		grp := sticky(p)
		grp.Affinity.IdleTimeout = time.Nanosecond // bound sessions hold nothing
		grp.DeregistrationDelay = time.Hour
		g, err := New(options(grp))
		if err != nil {
			t.Fatal(err)
		}
		pools := map[string]*tally{}
		g.newPool = func(addr string) pool { pools[addr] = &tally{}; return pools[addr] }
		a, b := target.Target{ID: "a", Address: "a:1"}, target.Target{ID: "b", Address: "b:1"}
		for _, x := range []target.Target{a, b} {
			if err := g.Register("shop", x); err != nil {
				t.Fatal(err)
			}
		}
		cookie := "ek=" + (*g.groups()[0].entries["a"].tokens.Load())[0].Cookie([16]byte([]byte("AAAAAAAAAAAAAAAA")))
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var served atomic.Int64
		// Under finish bound requests may come as long as they like; where they
		// leave no gap for a while, they stop until the target is empty.
		var pause atomic.Bool
		for i := range 8 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if i%2 == 0 && pause.Load() {
						runtime.Gosched()
						continue
					}
					r := httptest.NewRequest("GET", "/", nil)
					if i%2 == 0 {
						r.Header.Set("Cookie", cookie)
					}
					w := httptest.NewRecorder()
					g.ServeHTTP(w, r)
					if w.Code != 200 {
						t.Errorf("got %d", w.Code)
						return
					}
					served.Add(1)
				}
			})
		}
		y := pools["a:1"]
		for i := 0; i < 300 || served.Load() < 3000; i++ {
			patience := time.AfterFunc(20*time.Millisecond, func() { pause.Store(true) })
			r, err := g.Drain(t.Context(), "shop", "a")
			y.forbidden.Store(true)
			patience.Stop()
			pause.Store(false)
			if err != nil || !r.Empty || r.InFlight != 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			if n := y.underway.Load(); n != 0 {
				t.Errorf("empty with %d under way", n)
			}
			runtime.Gosched()
			y.forbidden.Store(false)
			if err := g.Register("shop", a); err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		wg.Wait()
		if n := y.broken.Load(); n != 0 {
			t.Errorf("%v: %d exchanges at a drained target", p, n)
		}
		if n := len(g.groups()[0].entries["a"].live); n != 0 {
			t.Errorf("%d left over", n)
		}
	}
}

// One of three targets is drained and then killed, under load with slow
// requests: nothing fails, and only its sessions move.
func TestScaleInUnderLoad(t *testing.T) {
	handler := func(id string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			if r.URL.Path == "/slow" {
				timer := time.NewTimer(50 * time.Millisecond)
				defer timer.Stop()
				<-timer.C
			}
			fmt.Fprintf(w, "%s%s", id, body)
		}
	}
	servers := map[string]*httptest.Server{}
	var targets []target.Target
	for _, id := range []string{"a", "b", "c"} {
		servers[id] = httptest.NewServer(handler(id))
		defer servers[id].Close()
		targets = append(targets, target.Target{ID: id, Address: servers[id].Listener.Addr().String()})
	}
	f := start(t, options(sticky(target.Move, targets...)))
	var requests, failed, needless atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 24 {
		c := dial(t, f.addr)
		wg.Go(func() {
			cookie, at := "", ""
			method, path, body := "GET", "/", ""
			if i%3 == 1 {
				method, body = "POST", "-payload"
			}
			if i%6 == 2 {
				path = "/slow"
			}
			for {
				select {
				case <-stop:
					return
				default:
				}
				a := c.do(method, path, body, cookie+"X-Client: 1")
				requests.Add(1)
				if a.err != nil || a.StatusCode != 200 || a.body[1:] != body {
					failed.Add(1)
					t.Errorf("%s failed: %v %q", method, a.err, a.body)
					return
				}
				if at != "" && at != "b" && a.body[:1] != at {
					needless.Add(1)
				}
				at = a.body[:1]
				if next := a.cookie(); next != "" {
					cookie = next + "\r\n"
				}
			}
		})
	}
	more := func(n int64) {
		from := requests.Load()
		eventually(t, "more requests", func() bool { return requests.Load() > from+n || failed.Load() > 0 })
	}
	more(1000)
	if r, err := f.DeregisterAndWait(t.Context(), "shop", "b"); err != nil || !r.Empty || r.Cut != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	servers["b"].CloseClientConnections()
	servers["b"].Close()
	more(1000)
	close(stop)
	wg.Wait()
	s := f.Stats().Groups[0]
	if failed.Load() != 0 || needless.Load() != 0 || s.MovesDraining+s.MovesGone != 8 || s.Aborted+s.BadGateway+s.Unavailable != 0 {
		t.Errorf("%d requests, %d failed, %d needless moves, %+v", requests.Load(), failed.Load(), needless.Load(), s)
	}
}

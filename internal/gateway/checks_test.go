package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// patient answers checks as it is told, and keeps their times.
type patient struct {
	mu     sync.Mutex
	sick   map[string]bool // by address
	checks map[string]int
}

func (p *patient) check(_ context.Context, addr string, _ health.Options) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checks[addr]++
	if p.sick[addr] {
		return errors.New("sick")
	}
	return nil
}

func (p *patient) set(addr string, sick bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sick[addr] = sick
}

// bubble is a gateway without sockets whose health checks run, in a bubble of
// virtual time.
func bubble(t *testing.T, grp GroupOptions) (*Gateway, *patient) {
	t.Helper()
	g, err := New(options(grp))
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{sick: map[string]bool{}, checks: map[string]int{}}
	g.check = p.check
	g.newPool = func(addr string) pool {
		return engine(func(context.Context, *upstream.Request) (*upstream.Response, error) {
			if p.check(t.Context(), addr, health.Options{}) != nil {
				return nil, &upstream.Error{Stage: upstream.StageDial, Err: errors.New("refused")}
			}
			return &upstream.Response{StatusCode: 200, Header: http.Header{"X-Instance": {addr[:1]}}, Body: http.NoBody}, nil
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	g.startChecks(ctx)
	t.Cleanup(func() {
		cancel()
		g.tasks.close()
		g.stop()
		g.tasks.Wait()
	})
	return g, p
}

func register(t *testing.T, g *Gateway, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := g.Register("shop", target.Target{ID: id, Address: id + ":1"}); err != nil {
			t.Fatal(err)
		}
	}
}

func state(t *testing.T, g *Gateway, id string) target.State {
	t.Helper()
	s, err := g.status("shop", id)
	if err != nil {
		t.Fatal(err)
	}
	return s.State
}

func checked() GroupOptions {
	grp := shop()
	grp.Health = health.Options{Interval: 2 * time.Second}
	return grp
}

func TestHealthOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := bubble(t, checked())
		p.set("a:1", true)
		register(t, g, "a", "b")
		synctest.Wait()
		if a, b := state(t, g, "a"), state(t, g, "b"); a != target.Initial || b != target.Healthy {
			t.Errorf("after the first check: %v, %v", a, b)
		}
		p.set("a:1", false)
		time.Sleep(210 * time.Millisecond) // an initial target is asked again soon
		if s := state(t, g, "a"); s != target.Healthy {
			t.Errorf("started late: %v", s)
		}
		p.set("a:1", true)
		time.Sleep(2 * time.Second)
		if s := state(t, g, "a"); s != target.Healthy {
			t.Errorf("after one failure: %v", s)
		}
		time.Sleep(3 * time.Second)
		if s := state(t, g, "a"); s != target.Unhealthy {
			t.Errorf("after two failures: %v", s)
		}
		for range 4 {
			if w := record(g, "GET", "/", ""); w.Header().Get("X-Instance") != "b" {
				t.Error("an unhealthy target was chosen")
			}
		}
		p.set("a:1", false)
		time.Sleep(6 * time.Second)
		if s := state(t, g, "a"); s != target.Healthy {
			t.Errorf("recovered: %v", s)
		}
	})
}

func TestEjectionOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := bubble(t, checked())
		register(t, g, "a", "b")
		synctest.Wait()
		p.set("a:1", true)
		for range 2 { // one of them meets a
			if w := record(g, "POST", "/", ""); w.Code != 200 {
				t.Errorf("got %d", w.Code)
			}
		}
		if s := state(t, g, "a"); s != target.Unhealthy {
			t.Fatalf("not ejected: %v", s)
		}
		p.set("a:1", false)
		p.mu.Lock()
		before := p.checks["a:1"]
		p.mu.Unlock()
		time.Sleep(1999 * time.Millisecond)
		p.mu.Lock()
		if p.checks["a:1"] != before || state(t, g, "a") != target.Unhealthy {
			t.Error("asked during the ejection")
		}
		p.mu.Unlock()
		time.Sleep(2 * time.Millisecond)
		if s := state(t, g, "a"); s != target.Healthy {
			t.Errorf("one check after 2 s should confirm it: %v", s)
		}
	})
}

func TestFailOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := bubble(t, checked())
		// Checks fail, requests would be answered: the check is wrong.
		g.check = func(context.Context, string, health.Options) error { return errors.New("404") }
		register(t, g, "a", "b")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if a, b := state(t, g, "a"), state(t, g, "b"); a != target.Unhealthy || b != target.Unhealthy {
			t.Fatalf("%v, %v", a, b)
		}
		if w := record(g, "GET", "/", ""); w.Code != 200 {
			t.Errorf("all unhealthy: got %d", w.Code)
		}
		p.set("a:1", true)
		for range 4 {
			if w := record(g, "GET", "/", ""); w.Code != 200 {
				t.Errorf("one unhealthy answers: got %d", w.Code)
			}
		}
		if _, err := g.Drain(t.Context(), "shop", "b"); err != nil {
			t.Fatal(err)
		}
		if w := record(g, "GET", "/", ""); w.Code != 502 || w.Header().Get("X-Instance") != "a" {
			t.Errorf("got %d", w.Code)
		}
	})
}

// An unhealthy target keeps what is in flight.
func TestUnhealthyKeepsRequests(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	f := start(t, options(shop(app(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish
		w.Write([]byte("whole"))
	}))))
	got := make(chan answer)
	go func() { got <- once(t, f.addr, "GET", "/", "") }()
	<-arrived
	f.force("a", target.Unhealthy)
	if s := f.status(t, "a"); s.InFlight != 1 {
		t.Errorf("%+v", s)
	}
	close(finish)
	a := <-got
	a.want(t, 200, "whole")
}

func TestDrainingTargetIsNotChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := bubble(t, checked())
		register(t, g, "a")
		synctest.Wait()
		if _, err := g.Drain(t.Context(), "shop", "a"); err != nil {
			t.Fatal(err)
		}
		p.set("a:1", true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if p.checks["a:1"] != 1 || state(t, g, "a") != target.Draining {
			t.Errorf("%d checks, %v", p.checks["a:1"], state(t, g, "a"))
		}
		p.set("a:1", false)
		register(t, g, "a")
		if s := state(t, g, "a"); s != target.Initial {
			t.Errorf("brought back as %v", s)
		}
		synctest.Wait()
		if s := state(t, g, "a"); s != target.Healthy {
			t.Errorf("checked at once: %v", s)
		}
	})
}

func TestGroupWithoutRouteIsUnused(t *testing.T) {
	grp := checked()
	grp.Routes = nil
	synctest.Test(t, func(t *testing.T) {
		g, p := bubble(t, grp)
		register(t, g, "a")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s := state(t, g, "a"); s != target.Unused || p.checks["a:1"] != 0 {
			t.Errorf("%v, %d checks", s, p.checks["a:1"])
		}
	})
}

func TestLeastOutstandingSeesWhatIsInFlight(t *testing.T) {
	slow := make(chan struct{})
	handler := func(id string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-slow
			}
			w.Write([]byte(id))
		}
	}
	grp := shop(app(t, "a", handler("a")), app(t, "b", handler("b")))
	grp.Policy = LeastOutstanding
	f := start(t, options(grp))
	defer close(slow)
	dial(t, f.addr).Write([]byte("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"))
	busy := ""
	eventually(t, "one busy target", func() bool {
		for _, id := range []string{"a", "b"} {
			if f.status(t, id).InFlight == 1 {
				busy = id
			}
		}
		return busy != ""
	})
	for range 6 {
		if a := once(t, f.addr, "GET", "/", ""); a.body == busy {
			t.Errorf("the busy target %s was chosen", busy)
		}
	}
}

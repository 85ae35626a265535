package gateway

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// Nothing that a client can bring about ejects a target: errors of the
// application, cut and malformed requests, clients that leave. The control is
// a connection refused, which does.
func TestClientsDoNotEject(t *testing.T) {
	f := start(t, options(shop(app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/abort":
			panic(http.ErrAbortHandler)
		default:
			io.Copy(io.Discard, r.Body)
		}
	}))))
	for range 20 {
		once(t, f.addr, "GET", "/500", "").want(t, 500, "")
		once(t, f.addr, "GET", "/503", "").want(t, 503, "")
		once(t, f.addr, "POST", "/abort", "x").want(t, 502, "")
		for _, raw := range []string{
			"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
			"GET / HTTP/1.1\r\nHost: h\r\nX y: z\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		} {
			c := dial(t, f.addr)
			io.WriteString(c, raw)
			c.Close()
		}
	}
	eventually(t, "nothing in flight", func() bool { return f.status(t, "a").InFlight == 0 })
	if s := f.Stats().Groups[0]; s.Ejections != 0 || f.status(t, "a").State != target.Healthy {
		t.Errorf("%d ejections, %v", s.Ejections, f.status(t, "a").State)
	}
	must(t, f.Register("shop", dead(t, "b")))
	for range 2 { // one of them meets it
		once(t, f.addr, "GET", "/", "").want(t, 200, "")
	}
	if s := f.Stats().Groups[0]; s.Ejections != 1 || f.status(t, "b").State != target.Unhealthy {
		t.Errorf("control: %d ejections, %v", s.Ejections, f.status(t, "b").State)
	}
}

// A process that hangs still has a kernel that accepts: only the active check
// by HTTP finds it, and finds it well again. Requests that hang in it do not.
func TestHungTargetIsFoundByTheCheck(t *testing.T) {
	var hung atomic.Bool
	released := make(chan struct{})
	tgt := app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		if hung.Load() {
			select {
			case <-r.Context().Done():
			case <-released:
			}
		}
		fmt.Fprint(w, "a")
	})
	other := app(t, "b", nil)
	grp := shop(tgt, other)
	grp.Health = health.Options{Path: "/readyz", Interval: 20 * time.Millisecond, Timeout: 500 * time.Millisecond}
	f := start(t, options(grp))
	states := func(a target.State) func() bool {
		return func() bool { return f.status(t, "a").State == a && f.status(t, "b").State == target.Healthy }
	}
	eventually(t, "both healthy", states(target.Healthy))
	hung.Store(true)
	eventually(t, "the hung one unhealthy", states(target.Unhealthy))
	for range 6 {
		once(t, f.addr, "GET", "/", "").want(t, 200, "b")
	}
	if n := f.Stats().Groups[0].Ejections; n != 0 {
		t.Errorf("%d ejections: it accepts connections", n)
	}
	hung.Store(false)
	close(released)
	eventually(t, "healthy again", states(target.Healthy))
}

// A target that comes and goes is ejected for longer each time, and costs no
// request while there is another.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := bubble(t, checked())
		register(t, g, "a", "b")
		synctest.Wait()
		const phase, minutes = 3 * time.Second, 10
		began := time.Now()
		for n := 0; time.Since(began) < minutes*time.Minute; n++ {
			p.set("a:1", time.Since(began)/phase%2 == 1)
			if w := record(g, "POST", "/", "x"); w.Code != 200 {
				t.Errorf("after %v: got %d", time.Since(began), w.Code)
			}
			time.Sleep(100 * time.Millisecond)
		}
		// 2, 4, … 32 s, then a minute each; without doubling it would be 100.
		if n := g.Stats().Groups[0].Ejections; n < 5 || n > 5+minutes {
			t.Errorf("ejected %d times", n)
		}
		p.set("a:1", false)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s := state(t, g, "a"); s != target.Healthy {
			t.Errorf("steady again: %v", s)
		}
	})
}

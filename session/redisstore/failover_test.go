package redisstore

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// site is an instance of a service where people sign in and out. It is called
// without a network: what counts is what the store has.
type site struct {
	*session.Manager
	store *Store
	pages http.Handler
}

// openSite opens an instance on the servers behind url.
func openSite(t *testing.T, url string, d Durability) *site {
	t.Helper()
	store, err := New(url, Options{Service: "site", Durability: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	m, err := session.New(store, session.Options{Cache: session.CacheOff})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).SignIn(r.FormValue("u")); err != nil {
			session.Error(w, r, err)
		}
	})
	mux.HandleFunc("POST /out", func(w http.ResponseWriter, r *http.Request) {
		if s := session.From(r.Context()); s.Principal() == "" {
			http.Error(w, "nobody", http.StatusUnauthorized)
		} else if err := s.SignOut(); err != nil {
			session.Error(w, r, err)
		}
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, session.From(r.Context()).Principal())
	})
	return &site{m, store, m.Handler(mux)}
}

// call makes a request with a cookie, and returns the answer and the cookie
// that it set.
func (s *site) call(ctx context.Context, method, path, cookie string) (code int, body, set string) {
	r := httptest.NewRequestWithContext(ctx, method, "https://site"+path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge >= 0 && c.Value != "" && !strings.HasSuffix(c.Name, "-v") {
			set = c.Name + "=" + c.Value
		}
	}
	return w.Code, w.Body.String(), set
}

// visitor is a person as she remembers it: what was acknowledged to her, and
// nothing of which she does not know the outcome.
type visitor struct {
	name, cookie string
	out          bool // signed out, acknowledged
}

// crowd signs people in, and every second one out again.
type crowd struct {
	acked, refused atomic.Int64

	mu       sync.Mutex
	visitors []visitor
}

// run is one writer of the crowd, until ctx ends.
func (c *crowd) run(ctx context.Context, writer int, s *site) {
	for n := 0; ctx.Err() == nil; n++ {
		v := visitor{name: fmt.Sprintf("w%d-%d", writer, n)}
		code, _, cookie := s.call(ctx, "POST", "/in?u="+v.name, "")
		if code != http.StatusOK || cookie == "" {
			c.refuse()
			continue
		}
		c.acked.Add(1)
		v.cookie = cookie
		if n%2 == 1 {
			if code, _, _ := s.call(ctx, "POST", "/out", v.cookie); code != http.StatusOK {
				c.refuse()
				continue // it may have happened or not
			}
			c.acked.Add(1)
			v.out = true
		}
		c.mu.Lock()
		c.visitors = append(c.visitors, v)
		c.mu.Unlock()
	}
}

// refuse counts a request that was not acknowledged. People try again later.
func (c *crowd) refuse() {
	c.refused.Add(1)
	time.Sleep(5 * time.Millisecond)
}

// review asks for everybody's session and counts those that are not as they
// were told.
func (c *crowd) review(t *testing.T, s *site) (in, out, lostIn, lostOut int) {
	t.Helper()
	for _, v := range c.visitors {
		var code int
		var body string
		eventually(t, func() bool {
			code, body, _ = s.call(t.Context(), "GET", "/me", v.cookie)
			return code == http.StatusOK
		})
		switch {
		case v.out && body != "":
			lostOut++
		case !v.out && body != v.name:
			lostIn++
		}
		if v.out {
			out++
		} else {
			in++
		}
	}
	return in, out, lostIn, lostOut
}

// eventually asks until ok, for a time that a busy machine has.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within a minute")
		}
	}
}

// failover lets 64 writers sign people in and out through two instances while
// the master is cut off from its replicas, comes back as one of them, and the
// next master is killed. It returns what was lost of what was acknowledged.
func failover(t *testing.T, d Durability) (lostIn, lostOut int) {
	t.Helper()
	f := redistest.StartFailover(t, 2)
	url := "redis-sentinel://" + strings.Join(f.SentinelAddrs(), ",") + "/" + f.Name
	sites := []*site{openSite(t, url, d), openSite(t, url, d)}
	c := &crowd{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	for i := range 64 {
		writers.Go(func() { c.run(ctx, i, sites[i%2]) })
	}
	more := func(n int64) {
		t.Helper()
		before := c.acked.Load()
		eventually(t, func() bool { return c.acked.Load() > before+n })
	}
	more(3000)
	f.Partition()
	if d.Replicas == 0 {
		more(200) // on the wrong side: this is what will be lost
	}
	f.WaitMaster(t)
	f.HealPartition()
	next := f.Server(f.WaitWhole(t))
	more(1000)
	f.KillMaster()
	f.WaitMaster(t)
	next.Restart(t) // or there would be a replica too few for ever
	more(500)
	stop()
	writers.Wait()
	in, out, lostIn, lostOut := c.review(t, openSite(t, url, Durability{}))
	t.Logf("%d sign-ins and %d sign-outs acknowledged, %d requests refused: lost %d sign-ins, undone %d sign-outs",
		in, out, c.refused.Load(), lostIn, lostOut)
	if in < 1000 || out < 1000 {
		t.Errorf("only %d sign-ins and %d sign-outs: too few to say something", in, out)
	}
	return lostIn, lostOut
}

// With both replicas asked for, and only then acknowledged, nothing is lost by
// either failover.
func TestAcknowledgedSignInsAndSignOutsSurviveFailovers(t *testing.T) {
	in, out := failover(t, Durability{Replicas: 2, Timeout: 100 * time.Millisecond, Strict: true})
	if in > 0 || out > 0 {
		t.Errorf("%d acknowledged sign-ins were lost, %d sign-outs undone", in, out)
	}
}

// The control: the same without, which has to lose something.
func TestWithoutDurabilityFailoversLose(t *testing.T) {
	if in, out := failover(t, Durability{}); in+out == 0 {
		t.Error("nothing was lost without protection: the run beside it proves nothing")
	}
}

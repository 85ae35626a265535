package drill_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/probe"
)

const secret = "a-secret-of-more-than-24-bytes"

// service is a correct one in memory, until its sessions are wiped.
type service struct {
	mu       sync.Mutex
	sessions map[string]*content // by cookie
	next     int
}

type content struct {
	user   string
	tokens []string
	n      int64
}

func (s *service) with(r *http.Request, f func(id string, c *content)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cookie, err := r.Cookie("sid")
	if err != nil || s.sessions[cookie.Value] == nil {
		return probe.ErrAnonymous
	}
	f(cookie.Value, s.sessions[cookie.Value])
	return nil
}

// give makes a new ID for c; s.mu is held.
func (s *service) give(w http.ResponseWriter, c *content) {
	s.next++
	id := "s" + time.Now().Format("150405.000000000") + string(rune('a'+s.next%26))
	s.sessions[id] = c
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: id, Path: "/"})
}

func (s *service) calls() probe.Calls {
	return probe.Calls{
		Principal: func(_ http.ResponseWriter, r *http.Request) (user string, _ error) {
			err := s.with(r, func(_ string, c *content) { user = c.user })
			if errors.Is(err, probe.ErrAnonymous) {
				err = nil
			}
			return user, err
		},
		SignIn: func(w http.ResponseWriter, _ *http.Request, principal string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.give(w, &content{user: principal})
			return nil
		},
		SignOut: func(_ http.ResponseWriter, r *http.Request) error {
			return s.with(r, func(id string, c *content) { delete(s.sessions, id) })
		},
		Append: func(_ http.ResponseWriter, r *http.Request, _, token string) error {
			return s.with(r, func(_ string, c *content) { c.tokens = append(c.tokens, token) })
		},
		State: func(_ http.ResponseWriter, r *http.Request) (st probe.State, _ error) {
			return st, s.with(r, func(_ string, c *content) { st = probe.State{Tokens: slices.Clone(c.tokens), N: c.n} })
		},
		Increment: func(_ http.ResponseWriter, r *http.Request) (n int64, _ error) {
			return n, s.with(r, func(_ string, c *content) { c.n++; n = c.n })
		},
	}
}

func (s *service) start(t *testing.T) (url string) {
	t.Helper()
	s.sessions = map[string]*content{}
	p, err := probe.New(secret, s.calls(), probe.Options{Instance: "one", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return srv.URL
}

func options(url string) drill.Options {
	return drill.Options{
		Load: engine.Options{
			Targets: []string{url}, Dialect: engine.Probe{Secret: secret}, Users: 20,
			Pace: engine.Pace{Think: 50 * time.Millisecond}, Duration: 5 * time.Second, Slow: engine.Slow{Kept: -1},
		},
		Control: time.Second, Every: time.Second,
	}
}

func run(t *testing.T, opt drill.Options) drill.Result {
	t.Helper()
	r, err := drill.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func nothing(context.Context, *drill.Scene) error { return nil }

// The control: events that do no harm, none of it found.
func TestHarmlessEvents(t *testing.T) {
	t.Parallel()
	opt := options(new(service).start(t))
	var announced []history.Event
	opt.Announce = func(e history.Event) { announced = append(announced, e) }
	opt.Actions = func(int) drill.Action { return drill.Action{Kind: "nothing", Do: nothing} }
	out := run(t, opt).Outcome
	for _, g := range out.Guarantees {
		if g.Bad > 0 {
			t.Errorf("%v: %d bad", g.ID, g.Bad)
		}
	}
	if g := out.Guarantee(check.G1); g.Exposed < 20 {
		t.Errorf("G1 was exposed %d times by %d events", g.Exposed, len(out.Events))
	}
	// After 1 s, then each second until 2 s before the end.
	if len(out.Events) != 3 || len(announced) != 6 {
		t.Fatalf("%d events, announced %d times, want 3 and 6", len(out.Events), len(announced))
	}
	for i, e := range out.Events {
		if e.ID != i+1 || e.Triggered < time.Second || e.Settled < e.Triggered {
			t.Errorf("event %d: %+v", i, e.Event)
		}
	}
}

// The planted fault: an event that loses all sessions is found and blamed. What
// happens while the machine is too busy to tell is blamed on nobody, so it is
// tried again.
func TestAWipeIsFoundAndBlamed(t *testing.T) {
	t.Parallel()
	var out check.Outcome
	for range 5 {
		if out = wipe(t); out.Limited == 0 {
			break
		}
	}
	if bad := out.Guarantee(check.G1).Bad; bad < 10 {
		t.Fatalf("%d sessions lost, want most of 20; the machine was too busy for %.0f %% of the time", bad, 100*out.Limited)
	}
	if check.Judge(out, nil, nil) != check.VerdictFail {
		t.Error("the verdict is no fail")
	}
	for _, v := range out.Violations {
		if v.Guarantee == check.G1 && v.Event != 2 {
			t.Errorf("blamed event %d, want 2: %+v", v.Event, v)
		}
	}
}

func TestAnEventThatFails(t *testing.T) {
	t.Parallel()
	opt := options(new(service).start(t))
	opt.Actions = func(int) drill.Action {
		return drill.Action{Kind: "broken", Do: func(context.Context, *drill.Scene) error { return errors.New("no such deployment") }}
	}
	out := run(t, opt).Outcome
	if check.Judge(out, nil, nil) != check.VerdictEventFailed || out.Events[0].Err != "no such deployment" {
		t.Errorf("%+v", out.Events)
	}
}

// Events that are asked for happen one at a time, between those that are due.
func TestEventsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	opt := options(new(service).start(t))
	asked := make(chan drill.Action, 4)
	opt.Asked = asked
	var busy, most int
	var mu sync.Mutex
	act := func(_ context.Context, s *drill.Scene) error {
		mu.Lock()
		busy++
		most = max(most, busy)
		mu.Unlock()
		s.Ready()
		mu.Lock()
		defer mu.Unlock()
		busy--
		return nil
	}
	opt.Actions = func(int) drill.Action { return drill.Action{Kind: "due", Do: act} }
	for range 4 {
		asked <- drill.Action{Kind: "asked", Do: act}
	}
	out := run(t, opt).Outcome
	kinds := map[string]int{}
	for _, e := range out.Events {
		kinds[e.Kind]++
	}
	if kinds["asked"] != 4 || kinds["due"] < 2 || most != 1 {
		t.Errorf("kinds %v, at most %d at once", kinds, most)
	}
}

func TestNoService(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	opt := options(url)
	opt.Actions = func(int) drill.Action { return drill.Action{Kind: "nothing", Do: nothing} }
	r, err := drill.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Do(t.Context()); !errors.Is(err, engine.ErrTarget) {
		t.Errorf("error %v, want ErrTarget", err)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	opt := options(new(service).start(t))
	opt.Load.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	opt.Actions = func(int) drill.Action {
		return drill.Action{Kind: "interrupt", Do: func(context.Context, *drill.Scene) error { cancel(); return nil }}
	}
	r, err := drill.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.Do(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Outcome.Events) != 1 || result.Outcome.Requests.Sent == 0 {
		t.Errorf("%+v", result.Outcome)
	}
}

func TestOptions(t *testing.T) {
	opt := options("http://127.0.0.1:1")
	opt.Every = 0
	opt.Actions = func(int) drill.Action { return drill.Action{} }
	if _, err := drill.New(opt); err == nil {
		t.Error("events without a time between them")
	}
	opt = options("ftp://127.0.0.1:1")
	if _, err := drill.New(opt); err == nil {
		t.Error("a target that is not http")
	}
}

// wipe runs a drill whose second event loses all sessions.
func wipe(t *testing.T) check.Outcome {
	t.Helper()
	s := new(service)
	opt := options(s.start(t))
	opt.Actions = func(n int) drill.Action {
		if n != 1 {
			return drill.Action{Kind: "nothing", Do: nothing}
		}
		return drill.Action{Kind: "wipe", Do: func(_ context.Context, scene *drill.Scene) error {
			scene.Target("one")
			scene.Terminating()
			s.mu.Lock()
			defer s.mu.Unlock()
			clear(s.sessions)
			return nil
		}}
	}
	return run(t, opt).Outcome
}

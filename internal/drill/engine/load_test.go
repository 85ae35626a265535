package engine

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// sink collects a run's operations, connections of streams apart.
type sink struct {
	mu      sync.Mutex
	ops     []history.Op
	streams []history.Op
}

func (s *sink) observe(op history.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op.Kind == history.Stream {
		s.streams = append(s.streams, op)
		return
	}
	s.ops = append(s.ops, op)
}

// wantFaithful checks a history of a service without faults, by rules that are
// simpler than the checkers'.
func wantFaithful(t *testing.T, ops []history.Op) {
	t.Helper()
	type key struct{ user, epoch int }
	stored := map[key][]history.Op{}
	left := map[key]time.Duration{} // return of the acknowledged logout
	cookies := map[string]int{}
	kinds := map[history.Kind]int{}
	for _, op := range ops {
		kinds[op.Kind]++
		k := key{op.User, op.Epoch}
		if op.Failure != nil || op.Outcome != history.OK && !op.Anonymous {
			t.Errorf("%v: outcome %v, status %d, %+v", op.Kind, op.Outcome, op.Status, op.Failure)
		}
		if op.Kind == history.Append && op.Outcome == history.OK {
			stored[k] = append(stored[k], op)
		}
		if op.Kind == history.Logout && op.Outcome == history.OK {
			left[k] = op.Return
		}
		if op.SetCookie != "" {
			if _, twice := cookies[op.SetCookie]; twice {
				t.Errorf("the same session ID was given twice")
			}
			cookies[op.SetCookie] = op.User
		}
		if op.Kind == history.Login && (op.SetCookie == "" || op.SetCookie == op.Sent) {
			t.Errorf("a login left the ID as it was")
		}
	}
	for _, op := range ops {
		switch {
		case op.Settle:
			if op.Seen == nil || op.Seen.User != history.UserName(op.User) {
				t.Errorf("settle read of user %d shows %+v", op.User, op.Seen)
				continue
			}
			for _, w := range stored[key{op.User, op.Epoch}] {
				if w.Return < op.Call && !slices.Contains(op.Seen.Tokens, w.Token) {
					t.Errorf("%s is missing at the settle read", w.Token)
				}
			}
		case op.Kind == history.Replay && op.Seen != nil:
			ret, over := left[key{op.User, op.Epoch}]
			if op.Seen.User != history.UserName(op.User) || over && ret < op.Call {
				t.Errorf("replay shows %+v", op.Seen)
			}
		}
	}
	for k := history.Login; k <= history.Slow; k++ {
		if kinds[k] == 0 {
			t.Errorf("no %v in %d operations", k, len(ops))
		}
	}
}

// A second or, on a busy machine, as long as it takes to see everything once.
func TestLoadOnSockets(t *testing.T) {
	var s sink
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var mu sync.Mutex
	seen := map[history.Kind]int{}
	begun := time.Now()
	l, err := Run(ctx, Options{
		Targets: []string{serve(t, &service{affinity: true})}, Dialect: Probe{Secret: secret},
		Users: 50, Pace: Pace{Rate: 1500, Ramp: 200 * time.Millisecond}, Duration: patient, Seed: 1, Quiet: 30 * time.Millisecond,
		Slow: Slow{Time: 100 * time.Millisecond}, Client: ClientOptions{Timeout: patient},
	}, func(op history.Op) {
		s.observe(op)
		mu.Lock()
		defer mu.Unlock()
		if seen[op.Kind]++; len(seen) == int(history.Stream)+1 && seen[history.Login] >= 50 && time.Since(begun) > time.Second {
			enough()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantPlausible(t, s.ops, 30*time.Millisecond)
	wantFaithful(t, s.ops)
	st := l.Stats()
	if st.Phase != Ended || st.InFlight != 0 || st.Sent != int64(len(s.ops)) || st.Failed != 0 || st.FromDue.P50 == 0 || st.FromSend.Max == 0 {
		t.Errorf("stats %+v of %d operations", st, len(s.ops))
	}
	settled := map[int]bool{}
	for _, op := range s.ops {
		settled[op.User] = settled[op.User] || op.Settle
		if op.Instance != "one" && op.Kind != history.Replay {
			t.Errorf("%v names instance %q", op.Kind, op.Instance)
		}
	}
	if len(settled) != 50 {
		t.Errorf("%d users, want 50", len(settled))
	}
	for u, ok := range settled {
		if !ok {
			t.Errorf("user %d never settled", u)
		}
	}
}

// loadInBubble runs a load against h in fake time.
func loadInBubble(t *testing.T, h http.Handler, opt Options, during func(l *Load)) (*Load, []history.Op) {
	t.Helper()
	var s sink
	opt.Targets, opt.Client.Dial = []string{"http://drilled"}, servePipes(t, h).dial
	if opt.Dialect == nil {
		opt.Dialect = Probe{Secret: secret}
	}
	l, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- l.Run(t.Context(), s.observe) }()
	if during != nil {
		during(l)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return l, s.ops
}

func TestPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phases := []Phase{}
		l, ops := loadInBubble(t, (&service{}).handler(t), Options{
			Users: 20, Pace: Pace{Rate: 100}, Duration: 40 * time.Second, Control: 15 * time.Second, Seed: 3,
		}, func(l *Load) {
			for _, d := range []time.Duration{0, 10 * time.Second, 10 * time.Second} {
				time.Sleep(d)
				synctest.Wait()
				phases = append(phases, l.Stats().Phase)
			}
			if n := l.Stats().Sessions; n < 10 {
				t.Errorf("%d of 20 users are signed in after 20 s", n)
			}
		})
		if diff := cmp.Diff([]Phase{Control, Control, Running}, phases); diff != "" {
			t.Errorf("phases (-want +got):\n%s", diff)
		}
		wantPlausible(t, ops, 150*time.Millisecond)
		wantFaithful(t, ops)
		st := l.Stats()
		// Each user's settle reads, sign-outs and waits for slow requests take
		// from the rate; nothing may add to it.
		if rate := float64(st.Sent) / 40; rate < 60 || rate > 115 {
			t.Errorf("%.1f operations per second, want about 100", rate)
		}
		if st.Late != 0 || st.Shed != 0 || st.Failed != 0 {
			t.Errorf("late %d, shed %d, failed %d in fake time", st.Late, st.Shed, st.Failed)
		}
		if h := l.Health(); h.LatenessP999 != 0 {
			t.Errorf("health %+v in fake time", h)
		}
		first := map[int]time.Duration{}
		for _, op := range ops {
			if op.Kind == history.Login && op.Epoch == 1 {
				first[op.User] = op.Call
			}
		}
		if d := first[19] - first[0]; d != 950*time.Millisecond {
			t.Errorf("the last user came %v after the first, want 950ms", d)
		}
	})
}

func TestSlowRequestsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ops := loadInBubble(t, (&service{}).handler(t), Options{
			Users: 30, Pace: Pace{Rate: 100}, Duration: 15 * time.Second, Seed: 4,
		}, nil)
		for at := 3 * time.Second; at < 14*time.Second; at += 100 * time.Millisecond {
			n := 0
			for _, op := range ops {
				if op.Kind == history.Slow && op.Call <= at && op.Return > at {
					n++
				}
			}
			if n < 5 {
				t.Errorf("%d slow requests in flight at %v, want five", n, at)
			}
		}
	})
}

// The end of the context is the end of the load; users settle all the same.
func TestStopEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		l, err := Run(ctx, Options{
			Targets: []string{"http://drilled"}, Dialect: Probe{Secret: secret}, Users: 10, Pace: Pace{Rate: 100}, Duration: time.Hour,
			Client: ClientOptions{Dial: servePipes(t, (&service{}).handler(t)).dial},
		}, s.observe)
		if err != nil {
			t.Fatal(err)
		}
		wantPlausible(t, s.ops, 150*time.Millisecond)
		wantFaithful(t, s.ops)
		if st := l.Stats(); st.Phase != Ended || st.Elapsed > 12*time.Second {
			t.Errorf("stats %+v", st)
		}
		last := map[int]history.Op{}
		for _, op := range s.ops {
			last[op.User] = op
		}
		for u, op := range last {
			if !op.Settle && op.Kind != history.Replay {
				t.Errorf("user %d ended with %v", u, op.Kind)
			}
		}
	})
}

// Users whose sessions are lost find out, and sign in again.
func TestLostSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{forget: func(_ string, n int) bool { return n == 12 }}
		_, ops := loadInBubble(t, s.handler(t), Options{Users: 10, Pace: Pace{Rate: 100}, Duration: 20 * time.Second}, nil)
		wantPlausible(t, ops, 150*time.Millisecond)
		lost, logins := 0, 0
		for _, op := range ops {
			if op.Settle && op.Anonymous {
				lost++
			}
			if op.Kind == history.Login {
				logins++
			}
		}
		if lost < 20 || logins <= lost {
			t.Errorf("%d sessions lost at settle reads, %d logins", lost, logins)
		}
	})
}

// A service that hangs is waited for as long as time-outs say, and no longer.
func TestHangingService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		h := (&service{}).handler(t)
		l, ops := loadInBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hangs.Load() {
				<-r.Context().Done()
				return
			}
			h.ServeHTTP(w, r)
		}), Options{Users: 10, Pace: Pace{Rate: 100}, Duration: 20 * time.Second, Client: ClientOptions{Timeout: 2 * time.Second}}, func(*Load) {
			time.Sleep(10 * time.Second)
			hangs.Store(true)
		})
		wantPlausible(t, ops, 150*time.Millisecond)
		st := l.Stats()
		if st.Elapsed > 20*time.Second+l.patience()+2*time.Second || st.InFlight != 0 {
			t.Errorf("stats %+v", st)
		}
		if st.Shed == 0 || l.Health().Status != "limited" {
			t.Errorf("shed %d, health %+v: six lanes of each user are stuck", st.Shed, l.Health())
		}
		timeouts := 0
		for _, op := range ops {
			if op.Failure != nil && op.Failure.What == "timeout" && op.Outcome == history.Unknown {
				timeouts++
			}
		}
		if timeouts < 10 || int64(timeouts) != st.Failed {
			t.Errorf("%d time-outs, %d failures", timeouts, st.Failed)
		}
	})
}

// Connections that are cut: what a browser hides is masked, and only that.
func TestCutConnections(t *testing.T) {
	var n atomic.Int64
	s := &service{before: func(w http.ResponseWriter) bool {
		if n.Add(1)%20 != 0 {
			return true
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return true
		}
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			t.Error(err)
		}
		conn.Close()
		return false
	}}
	var got sink
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var hidden, visible atomic.Bool
	l, err := Run(ctx, Options{
		Targets: []string{serve(t, s)}, Dialect: Probe{Secret: secret}, Users: 20, Pace: Pace{Rate: 1000}, Duration: patient,
		Quiet: 20 * time.Millisecond, Slow: Slow{Kept: -1, Time: 50 * time.Millisecond}, Client: ClientOptions{Timeout: patient},
	}, func(op history.Op) {
		got.observe(op)
		if op.Failure != nil {
			hidden.CompareAndSwap(false, op.Failure.Masked)
			visible.CompareAndSwap(false, !op.Failure.Masked)
		}
		if hidden.Load() && visible.Load() {
			enough()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantPlausible(t, got.ops, 20*time.Millisecond)
	masked, seen := int64(0), int64(0)
	for _, op := range got.ops {
		f := op.Failure
		switch {
		case f == nil:
		case f.Masked:
			masked++
			if !f.Idempotent || !f.Reused || f.Answered || op.Status == 0 {
				t.Errorf("masked %v: %+v, status %d", op.Kind, f, op.Status)
			}
		default:
			seen++
			if f.What != "reset" && f.What != "eof" || op.Outcome != history.Unknown {
				t.Errorf("%v: %+v, outcome %v", op.Kind, f, op.Outcome)
			}
		}
	}
	if st := l.Stats(); masked == 0 || seen == 0 || st.Masked != masked || st.Failed != masked+seen {
		t.Errorf("%d masked and %d seen, stats %+v", masked, seen, st)
	}
}

func TestTargetThatCannotBeDrilled(t *testing.T) {
	var s sink
	l, err := Run(t.Context(), Options{Targets: []string{"http://127.0.0.1:1"}, Dialect: Probe{Secret: secret}, Users: 1, Duration: time.Second}, s.observe)
	if !errors.Is(err, ErrTarget) || len(s.ops) != 0 {
		t.Errorf("%v with %d operations, want ErrTarget and none", err, len(s.ops))
	}
	if err := l.Run(t.Context(), s.observe); err == nil || errors.Is(err, ErrTarget) {
		t.Errorf("a second run: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Targets: []string{"http://h"}, Dialect: Probe{}, Users: 1, Duration: time.Second}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"dialect": func(o *Options) { o.Dialect = nil }, "users": func(o *Options) { o.Users = 0 },
		"duration": func(o *Options) { o.Duration = 0 }, "control": func(o *Options) { o.Control = time.Minute },
		"rate": func(o *Options) { o.Pace.Rate = -1 }, "rate and think": func(o *Options) { o.Pace = Pace{Rate: 1, Think: 1} },
		"quiet": func(o *Options) { o.Quiet = -1 }, "target": func(o *Options) { o.Targets = nil },
		"client": func(o *Options) { o.Client.Timeout = -1 },
	} {
		opt := good
		change(&opt)
		if _, err := New(opt); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestDefaults(t *testing.T) {
	o := Options{Users: 5000, Duration: time.Minute, Pace: Pace{Rate: 1000}, Seed: 255}.withDefaults()
	if o.Pace.Think != 5*time.Second || o.Pace.Ramp != 5*time.Second || o.Run != "ff" || o.Quiet != 150*time.Millisecond || o.slotsOf() != 8 {
		t.Errorf("%+v", o)
	}
	if o := (Options{Users: 10, Duration: 2 * time.Second}).withDefaults(); o.Pace.Think != 500*time.Millisecond || o.Pace.Ramp != 500*time.Millisecond || o.slotsOf() != 5 {
		t.Errorf("%+v", o)
	}
	if o := (Options{Users: 10, Slow: Slow{Kept: -1}}).withDefaults(); o.slotsOf() != 0 {
		t.Error("slow requests though none were wanted")
	}
}

// Neither a secret nor a cookie is in what a load says about itself.
func TestStatsHoldNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ops := loadInBubble(t, (&service{}).handler(t), Options{Users: 2, Duration: 3 * time.Second}, nil)
		said := bytes.NewBufferString(cmp.Diff(Stats{}, l.Stats()) + cmp.Diff(Health{}, l.Health())).String()
		for _, op := range ops {
			if op.SetCookie != "" && strings.Contains(said, op.SetCookie) || strings.Contains(said, secret) {
				t.Fatal("a secret is told")
			}
		}
	})
}

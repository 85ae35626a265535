package engine

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// rules of a service whose sessions live for 3 s of idleness and 10 s in all.
var rules = check.Options{IdleTimeout: 3 * time.Second, AbsoluteTimeout: 10 * time.Second}

func ofStream(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/stream") }

// expiring lets sessions expire by these timeouts, zero never, after the
// contract: a stream is no activity.
func expiring(idle, absolute time.Duration) func(*record, *http.Request) bool {
	return func(rec *record, r *http.Request) bool {
		now := time.Now()
		if idle > 0 && now.Sub(rec.active) > idle || absolute > 0 && now.Sub(rec.signed) > absolute {
			return true
		}
		if !ofStream(r) {
			rec.active = now
		}
		return false
	}
}

func TestExpiry(t *testing.T) {
	for _, test := range []struct {
		name    string
		expires func(*record, *http.Request) bool
		rules   check.Options
		bad     []check.ID
		says    string
	}{
		{"as told", expiring(3*time.Second, 10*time.Second), rules, nil, ""},
		{"only when idle", expiring(3*time.Second, 0), idleOnly, nil, ""},
		{"a little late", expiring(3300*time.Millisecond, 11*time.Second), rules, nil, ""},
		{"never", expiring(0, 0), rules, []check.ID{check.G7}, "timeout of"},
		{"not for age", expiring(3*time.Second, 0), rules, []check.ID{check.G7}, "absolute timeout of 10s"},
		{"too late", expiring(4*time.Second, 10*time.Second), rules, []check.ID{check.G7}, "idle timeout of 3s"},
		{"too early", expiring(2*time.Second, 0), idleOnly, []check.ID{check.G7}, "idle for less than the timeout"},
		{"absolute timeout extended by activity", func(rec *record, r *http.Request) bool {
			if time.Since(rec.signed) < 10*time.Second && !ofStream(r) {
				rec.signed = time.Now()
			}
			return expiring(3*time.Second, 10*time.Second)(rec, r)
		}, rules, []check.ID{check.G7}, "absolute timeout of 10s"},
		{"a stream keeps it alive", func(rec *record, r *http.Request) bool {
			over := expiring(3*time.Second, 10*time.Second)(rec, r)
			if ofStream(r) {
				rec.active = time.Now()
			}
			return over
		}, rules, []check.ID{check.G7}, "idle timeout of 3s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{expires: test.expires}
				o, ops := judged(t, s.handler(t), Options{
					Users: 10, Duration: time.Minute, Pace: Pace{Think: 100 * time.Millisecond}, Seed: 9,
					Slow: Slow{Kept: -1}, // who waits for a slow request is idle, too
				}, test.rules)
				wantBad(t, o, test.bad...)
				wantPlausible(t, ops.ops, 150*time.Millisecond)
				if g := o.Guarantee(check.G7); g.Exposed < 20 {
					t.Errorf("exposed %d times", g.Exposed)
				}
				for _, v := range o.Violations {
					if v.Guarantee == check.G7 && !strings.Contains(v.Detail, test.says) {
						t.Errorf("says %q, want something of %q", v.Detail, test.says)
					}
				}
			})
		})
	}
}

var idleOnly = check.Options{IdleTimeout: 3 * time.Second}

// With a timeout that is long for the run nobody waits for it.
func TestLongTimeoutsAreNotTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, ops := judged(t, (&service{}).handler(t), Options{Users: 20, Duration: 20 * time.Second, Seed: 9},
			check.Options{IdleTimeout: 30 * time.Minute, AbsoluteTimeout: 12 * time.Hour})
		wantBad(t, o)
		if g := o.Guarantee(check.G7); g.Status != check.NotExercised {
			t.Errorf("%+v", g)
		}
		for _, op := range ops.ops {
			if op.Expiry {
				t.Fatalf("%v at %v waited for an expiry", op.Kind, op.Call)
			}
		}
	})
}

// The reads that try a timeout are made when they prove something.
func TestExpiryReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{expires: expiring(3*time.Second, 10*time.Second)}
		_, ops := judged(t, s.handler(t), Options{Users: 50, Duration: time.Minute, Seed: 2}, rules)
		var young, old, aged int
		users := map[int]bool{}
		for _, op := range ops.ops {
			if !op.Expiry {
				continue
			}
			users[op.User] = true
			switch {
			case !op.Anonymous:
				young++
			case op.Call-signedIn(ops.ops, op) > history.Gone(10*time.Second):
				aged++
			default:
				old++
			}
		}
		if young < 5 || old < 5 || aged < 5 || len(users) != 5 {
			t.Errorf("%d reads before the idle timeout, %d after it, %d after the absolute one, by %d users", young, old, aged, len(users))
		}
	})
}

func signedIn(ops []history.Op, of history.Op) time.Duration {
	for _, op := range ops {
		if op.Kind == history.Login && op.User == of.User && op.Epoch == of.Epoch {
			return op.Return
		}
	}
	return 0
}

func TestWhoTriesTimeouts(t *testing.T) {
	for _, test := range []struct{ users, want int }{{1, 1}, {5, 5}, {20, 5}, {200, 20}, {5000, 500}} {
		e := Expiry{Idle: time.Second}.withDefaults(test.users, time.Minute)
		s := Streams{}.withDefaults(test.users)
		n, streaming := 0, 0
		for i := range test.users {
			if e.tries(i, test.users) {
				n++
				if chosen(i, s.Users, test.users) {
					streaming++
				}
			}
		}
		if n != test.want || test.users > 1 && (streaming == 0 || test.users > 5 && streaming == n) {
			t.Errorf("%d of %d users, want %d; %d of them with a stream", n, test.users, test.want, streaming)
		}
	}
	if e := (Expiry{Idle: 21 * time.Second, Absolute: 20 * time.Second}).withDefaults(10, time.Minute); e.Idle != 0 || e.Absolute == 0 {
		t.Errorf("%+v: only what is no longer than a third can be tried", e)
	}
}

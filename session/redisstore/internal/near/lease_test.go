package near

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pinger counts pings and answers after a delay.
type pinger struct {
	sent  atomic.Int64
	delay time.Duration
	err   error
}

func (p *pinger) ping(ctx context.Context) (time.Time, error) {
	p.sent.Add(1)
	sent := time.Now()
	select {
	case <-time.After(p.delay):
		return sent, p.err
	case <-ctx.Done():
		return sent, ctx.Err()
	}
}

// running starts Run and ends it with the test.
func running(t *testing.T, length time.Duration, p *pinger) *Lease {
	t.Helper()
	l, err := NewLease(length, p.ping)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l
}

func live(l *Lease) bool { return l.term.Load().live(at(time.Now())) }

func TestAnIdleInstanceSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pinger{}
		l := running(t, time.Second, p)
		time.Sleep(time.Hour)
		if n := p.sent.Load(); n != 0 || live(l) {
			t.Fatalf("%d pings before the first lookup, live %v", n, live(l))
		}
		for range 2 { // it starts again
			p.sent.Store(0)
			l.want()
			synctest.Wait()
			if n := p.sent.Load(); n != 1 || !live(l) {
				t.Fatalf("%d pings at the first lookup, live %v", n, live(l))
			}
			time.Sleep(time.Hour)
			if n := p.sent.Load(); n < 30 || n > 31 || live(l) {
				t.Fatalf("%d pings until it stops, want 30 or 31; live %v", n, live(l))
			}
		}
	})
}

func TestTheLeaseHoldsWhileSomebodyLooksUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pinger{delay: 100 * time.Millisecond}
		l := running(t, 600*time.Millisecond, p)
		l.want()
		time.Sleep(150 * time.Millisecond)
		for range 100 {
			if !live(l) {
				t.Fatal("the lease has run out")
			}
			l.want()
			time.Sleep(5 * time.Second)
		}
		if n, want := p.sent.Load(), int64(500*5+1); n < want-5 || n > want+5 {
			t.Errorf("%d pings in 500 s, want about %d", n, want)
		}
	})
}

func TestTheLeaseRunsFromTheSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pinger{delay: 700 * time.Millisecond}
		l, err := NewLease(0, p.ping)
		if err != nil {
			t.Fatal(err)
		}
		l.round(t.Context())
		time.Sleep(300*time.Millisecond - 1)
		if !live(l) {
			t.Error("over before a second has passed since the sending")
		}
		time.Sleep(time.Nanosecond)
		if live(l) {
			t.Error("live a second after the sending")
		}
	})
}

func TestOnlyAnAnswerRenewsTheLease(t *testing.T) {
	for name, p := range map[string]*pinger{
		"one master does not answer": {err: errors.New("refused")},
		"late":                       {delay: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, err := NewLease(0, p.ping)
				if err != nil {
					t.Fatal(err)
				}
				if l.round(t.Context()); live(l) {
					t.Error("live")
				}
			})
		})
	}
}

// The answer of a connection says nothing of the one that replaced it.
func TestALostConnectionEndsTheLeaseAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Options{})
		pinged(c)
		if !live(c.lease) {
			t.Fatal("control: no lease after a ping")
		}
		c.Flush()
		if live(c.lease) {
			t.Error("live after the connection was lost")
		}
		c.lease.ping = func(context.Context) (time.Time, error) {
			sent := time.Now()
			c.Flush() // before the answer is handled
			return sent, nil
		}
		if pinged(c); live(c.lease) {
			t.Error("live by a ping over the connection that was lost")
		}
	})
}

func TestOptionsOutOfBoundsAreRefused(t *testing.T) {
	for _, length := range []time.Duration{499 * time.Millisecond, time.Second + 1, -1} {
		if _, err := NewLease(length, nil); err == nil {
			t.Errorf("a lease of %v", length)
		}
	}
	for _, opt := range []Options{{Bytes: MinBytes - 1}, {Bytes: -1}, {ReadGrace: time.Minute + 1}, {ReadGrace: -1}, {Recheck: -1}} {
		if _, err := New(nil, opt); err == nil {
			t.Errorf("options %+v", opt)
		}
	}
}

func TestTimeHasPassedWhenEitherClockSaysSo(t *testing.T) {
	end := instant{mono: 100, wall: 1000}
	for _, tc := range []struct {
		now  instant
		want bool
	}{
		{instant{99, 999}, false},
		{instant{100, 999}, true},  // the wall clock was set back
		{instant{99, 1000}, true},  // the machine was suspended
		{instant{99, -500}, false}, // set back further
	} {
		if got := tc.now.reached(end); got != tc.want {
			t.Errorf("%+v: %v", tc.now, got)
		}
	}
	far := at(time.Now()).add(1<<63 - 1)
	if !far.reached(at(time.Now())) || at(time.Now()).reached(far) {
		t.Error("the longest time overflows")
	}
}

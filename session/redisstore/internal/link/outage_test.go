package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/redis/rueidis"
)

// untilRefused calls until the breaker is open, and returns that error.
func untilRefused(t *testing.T, w *world, call func() error) session.ErrUnavailable {
	t.Helper()
	var refused session.ErrUnavailable
	eventually(t, "the breaker opens", func() error {
		err := call()
		if errors.As(err, &refused) && refused.RetryAfter > 0 {
			return nil
		}
		return fmt.Errorf("last result: %w", errors.Join(err, errors.New("not refused")))
	})
	return refused
}

// An outage of each kind: calls fail, the breaker opens and says why, and when
// it is over calls work again by themselves, on both clients.
func TestOutagesEndByThemselves(t *testing.T) {
	type outage struct {
		begin, end func()
		cause      []Failure // one of them
	}
	for name, prepare := range map[string]func(t *testing.T) (addr string, o outage){
		"a server that hangs": func(t *testing.T) (string, outage) {
			s := redistest.Start(t)
			return s.Addr, outage{s.Stop, s.Cont, []Failure{Timeout}}
		},
		"a server that is killed and starts again": func(t *testing.T) (string, outage) {
			s := redistest.Start(t)
			return s.Addr, outage{s.Kill, func() { s.Restart(t) }, []Failure{Unreachable, Disconnected}}
		},
		"a network that swallows everything": func(t *testing.T) (string, outage) {
			p := redistest.StartProxy(t, redistest.Start(t).Addr)
			return p.Addr, outage{func() { p.BlackHole() }, p.Heal, []Failure{Timeout}}
		},
		"a network that refuses": func(t *testing.T) (string, outage) {
			p := redistest.StartProxy(t, redistest.Start(t).Addr)
			return p.Addr, outage{p.Refuse, p.Heal, []Failure{Unreachable, Disconnected}}
		},
		"a master that becomes a replica": func(t *testing.T) (string, outage) {
			s, other := redistest.Start(t), redistest.Start(t)
			host, port := "127.0.0.1", other.Addr[len("127.0.0.1:"):]
			return s.Addr, outage{
				func() { do(t, s, "REPLICAOF", host, port) }, func() { do(t, s, "REPLICAOF", "NO", "ONE") }, []Failure{ReadOnly},
			}
		},
		"a server that loads its data": func(t *testing.T) (string, outage) {
			s := redistest.Start(t, "--enable-debug-command", "yes", "--key-load-delay", "4000", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no")
			for i := range 500 { // 2 s, in which it answers after every key
				do(t, s, "SET", "key"+strconv.Itoa(i), strings.Repeat("v", 2000))
			}
			do(t, s, "SAVE")
			return s.Addr, outage{func() { s.Restart(t) }, func() {}, []Failure{Loading, Disconnected, Unreachable}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, o := prepare(t)
			w := start(t, "redis://"+addr, Options{})
			calls := map[string]func() error{
				"plain":   func() error { return w.trySet(t, "k") },
				"tracked": func() error { return w.tryRead(t, "k") },
			}
			if err := errors.Join(w.set(t, "k"), w.read(t, "k")); err != nil {
				t.Fatal(err)
			}
			o.begin()
			refused := untilRefused(t, w, calls["plain"])
			var cause *Error
			if !errors.As(refused, &cause) || !slices.Contains(o.cause, cause.Failure) || cause.Node != addr {
				t.Errorf("the cause is %v, want one of %v at %s", refused.Cause, o.cause, addr)
			}
			if refused.RetryAfter > 2*repairPause {
				t.Errorf("retry after %v", refused.RetryAfter)
			}
			if n, last := w.told(BreakerOpen); n != 1 || last.Node != addr || last.Text == "" {
				t.Errorf("%d openings told, the last %+v", n, last)
			}
			o.end()
			for kind, call := range calls {
				eventually(t, kind+" calls work again", call)
			}
			if n, _ := w.told(BreakerClosed); n == 0 {
				t.Error("nobody told that the breaker closed")
			}
			if got := w.Stats(); len(got.Open) != 0 || got.InFlight != 0 || got.Opened == 0 {
				t.Errorf("stats afterwards: %+v", got)
			}
		})
	}
}

func do(t *testing.T, s *redistest.Server, args ...string) {
	t.Helper()
	if _, err := s.Do(args...); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

// Not even a peer that says nothing at a dial keeps a caller longer than it
// wants, nor Close.
func TestADialThatHangsKeepsNobody(t *testing.T) {
	t.Parallel()
	for mode, url := range map[string]string{"standalone": "redis://%s", "cluster": "redis-cluster://%s", "sentinel": "redis-sentinel://%s/m"} {
		t.Run(mode, func(t *testing.T) {
			p := redistest.StartProxy(t, "127.0.0.1:1")
			p.BlackHole()
			w := start(t, fmt.Sprintf(url, p.Addr), Options{DialTimeout: time.Minute})
			err := w.trySet(t, "k")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the caller's deadline", err)
			}
			wantFailure(t, err, Timeout, p.Addr)
			closed := make(chan error, 1)
			go func() { closed <- w.Close() }()
			select {
			case err := <-closed:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Fatal("Close waits for the dial")
			}
		})
	}
}

func TestCallersWhoGiveUpDoNotOpenTheBreaker(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	for range 4 * failureLimit {
		ctx, cancel := context.WithCancel(t.Context())
		err := w.Call(ctx, "k", func(ctx context.Context, c rueidis.Client) error {
			cancel()
			return c.Do(ctx, c.B().Get().Key("k").Build()).Error()
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	if got := w.Stats(); got.Opened != 0 || len(got.Failures) != 0 {
		t.Errorf("%+v after calls that were given up", got)
	}
	untilRefused(t, w, func() error { return w.trySet(t, "k") }) // the control: deadlines do
	s.Cont()
}

// While a server hangs, goroutines inside of calls are bounded, and those who
// wait for their turn leave when they want to.
func TestCallsInFlightAreBoundedWhileAServerHangs(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	var inside, most atomic.Int64
	results := make([]error, 3*inFlightLimit)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), budget)
			defer cancel()
			results[i] = w.Call(ctx, "k", func(ctx context.Context, c rueidis.Client) error {
				now := inside.Add(1)
				defer inside.Add(-1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				return c.Do(ctx, c.B().Get().Key("k").Build()).Error()
			})
		})
	}
	wg.Wait()
	if got := most.Load(); got > inFlightLimit || got < failureLimit {
		t.Errorf("%d calls were inside at once, want up to %d", got, inFlightLimit)
	}
	for _, err := range results {
		if err == nil {
			t.Error("a hanging server answered")
		}
	}
	s.Cont()
	eventually(t, "calls work again", func() error { return w.trySet(t, "k") })
	if got := w.Stats().InFlight; got != 0 {
		t.Errorf("%d calls are in flight", got)
	}
}

// A full house is no outage: who cannot wait is told so.
func TestACrowdIsNoOutage(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	leave := make(chan struct{})
	var wg sync.WaitGroup
	var inside atomic.Int64
	for range inFlightLimit {
		wg.Go(func() {
			err := w.Call(context.Background(), "k", func(context.Context, rueidis.Client) error {
				inside.Add(1)
				<-leave
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "the house is full", func() error { return unless(inside.Load() == inFlightLimit, "not yet") })
	for range 2 * failureLimit {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		err := w.Call(ctx, "k", func(context.Context, rueidis.Client) error { return errors.New("called") })
		cancel()
		wantFailure(t, err, Crowded)
	}
	if got := w.Stats(); got.Opened != 0 || got.InFlight != inFlightLimit || got.Failures["crowded"] != 2*failureLimit {
		t.Errorf("stats %+v", got)
	}
	close(leave)
	wg.Wait()
	if err := w.set(t, "k"); err != nil {
		t.Error(err)
	}
}

// One probe at a time: of many callers after the pause one is let through.
func TestAHangingServerGetsOneProbeAtATime(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	untilRefused(t, w, func() error { return w.trySet(t, "k") })
	eventually(t, "the pause is over", func() error {
		w.entry.mu.Lock()
		defer w.entry.mu.Unlock()
		return unless(!w.entry.breaker.refuses(time.Now()), "still refusing")
	})
	var probes atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), budget)
			defer cancel()
			_ = w.Call(ctx, "k", func(ctx context.Context, c rueidis.Client) error { // may be refused
				probes.Add(1)
				<-ctx.Done()
				return ctx.Err()
			})
		})
	}
	wg.Wait()
	if got := probes.Load(); got != 1 {
		t.Errorf("%d probes, want one", got)
	}
	s.Cont()
}

// Who only asks for a connection, and is given one that was there, has learnt
// nothing of the server: calls in between fail in a row all the same.
func TestAskingForAConnectionIsNoAnswer(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	defer s.Cont()
	for range failureLimit {
		if err := w.trySet(t, "k"); err == nil {
			t.Fatal("a server that hangs answers")
		}
		_ = w.entry.reach(t.Context(), w.plain) // refused once the breaker is open
	}
	if got := w.Stats().Opened; got == 0 {
		t.Errorf("%d failures in a row have not opened the breaker", failureLimit)
	}
}

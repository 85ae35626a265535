package link

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/redis/rueidis"
)

func TestNewNeitherDialsNorMindsThatNobodyIsThere(t *testing.T) {
	w := start(t, fmt.Sprintf("redis://127.0.0.1:%d", proctest.FreePort(t)), Options{})
	if got := w.Stats(); got.Dials != 0 || got.Calls != 0 {
		t.Fatalf("after New: %+v", got)
	}
}

func TestCallTrackedEachDedicatedAndNodeReachTheServer(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	if err := w.read(t, "k"); err != nil {
		t.Fatal(err)
	}
	visited := 0
	err := w.Each(t.Context(), func(ctx context.Context, c rueidis.Client) error {
		visited++
		entry, err := c.Do(ctx, c.B().Scan().Cursor(0).Build()).AsScanEntry()
		if err == nil && len(entry.Elements) != 1 {
			err = fmt.Errorf("scan found %v", entry.Elements)
		}
		return err
	})
	if err != nil || visited != 1 {
		t.Errorf("Each visited %d: %v", visited, err)
	}
	err = w.Dedicated(t.Context(), "k", func(ctx context.Context, d rueidis.DedicatedClient) error {
		for _, r := range d.DoMulti(ctx, d.B().Multi().Build(), d.B().Incr().Key("n").Build(), d.B().Exec().Build()) {
			if err := r.Error(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if addr, err := w.Node(t.Context(), "k"); err != nil || addr != s.Addr {
		t.Errorf("Node is %q, %v", addr, err)
	}
	if sent, err := w.Ping(t.Context()); err != nil || sent.IsZero() {
		t.Errorf("Ping at %v: %v", sent, err)
	}
	if got := w.Stats(); len(got.Failures) > 0 || got.InFlight != 0 || len(got.Open) != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestErrorsOfFComeBackAsTheyAre(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	for range 3 * failureLimit {
		err := w.Call(t.Context(), "k", func(context.Context, rueidis.Client) error { return session.ErrNotFound })
		if err != session.ErrNotFound { //nolint:errorlint // not even wrapped
			t.Fatalf("got %v", err)
		}
	}
	err := w.Call(t.Context(), "k", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Get().Key("absent").Build()).Error()
	})
	if !rueidis.IsRedisNil(err) {
		t.Fatalf("got %v, want the nil of Redis", err)
	}
	if got := w.Stats(); len(got.Failures) != 0 {
		t.Errorf("counted as failures: %v", got.Failures)
	}
}

func TestScriptsRunWhetherOrNotTheServerKnowsThem(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	script := NewScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
	for round := range int64(4) {
		if round == 2 {
			if _, err := s.Do("SCRIPT", "FLUSH"); err != nil {
				t.Fatal(err)
			}
		}
		err := w.Call(t.Context(), "k", func(ctx context.Context, c rueidis.Client) error {
			if round%2 == 0 {
				return wantScript(script.Exec(ctx, c, "k", "a"), round+1)
			}
			got := script.Multi(ctx, c, "k", []string{"a"}, c.B().Incr().Key("m").Build(), c.B().Get().Key("m").Build())
			if len(got) != 3 {
				return fmt.Errorf("%d results, want 3", len(got))
			}
			return errors.Join(wantScript(got[0], round+1), got[1].Error(), got[2].Error())
		})
		if err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if got, err := s.Do("GET", "m"); err != nil || got != "2" {
		t.Errorf("the other commands ran so often: %v, %v; want 2", got, err)
	}
}

func TestMultiRunsOtherCommandsOnceWhenTheScriptIsNew(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	script := NewScript("return redis.call('INCR', KEYS[1])")
	err := w.Call(t.Context(), "k", func(ctx context.Context, c rueidis.Client) error {
		got := script.Multi(ctx, c, "k", nil, c.B().Incr().Key("m").Build())
		return errors.Join(got[0].Error(), got[1].Error())
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"k", "m"} {
		if n, err := s.Do("GET", key); err != nil || n != "1" {
			t.Errorf("%s was counted %v times, %v", key, n, err)
		}
	}
}

func wantScript(r rueidis.RedisResult, n int64) error {
	a, err := r.ToArray()
	if err != nil {
		return err
	}
	key, _ := a[0].ToString()
	arg, _ := a[1].ToString()
	count, _ := a[2].ToInt64()
	if key != "k" || arg != "a" || count != n {
		return fmt.Errorf("the script answered %q, %q, %d; want k, a, %d", key, arg, count, n)
	}
	return nil
}

func TestFirstCallsShareOneDial(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := w.set(t, "k"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := w.Stats(); got.Dials != 1 || got.Calls != 100 {
		t.Errorf("%+v, want 100 calls and one dial", got)
	}
}

func TestAfterCloseCallsSayThatNothingWasSent(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	var unavailable session.ErrUnavailable
	if err := w.set(t, "k"); !errors.As(err, &unavailable) || !errors.Is(err, errClosed) {
		t.Errorf("a call: %v", err)
	}
	if _, err := w.Ping(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("Ping: %v", err)
	}
}

// Nothing of a link is left after Close: of its own at once, of rueidis when
// its delayed work has found that it is closed.
func TestCloseLeavesNothingBehind(t *testing.T) {
	c := redistest.StartReplicatedCluster(t, 2, 1)
	f := redistest.StartSentinels(t, 1, redistest.Start(t).Addr, "shop")[0]
	for _, url := range []string{clusterURL(c), "redis-sentinel://" + f.Addr + "/shop", "redis://" + redistest.Start(t).Addr} {
		w := start(t, url, Options{})
		dedicated := func(ctx context.Context, d rueidis.DedicatedClient) error {
			return d.Do(ctx, d.B().Get().Key("k").Build()).Error()
		}
		if err := errors.Join(w.set(t, "k"), w.read(t, "k"), w.Dedicated(t.Context(), "k", dedicated)); err != nil {
			t.Fatal(err)
		}
		if stacks("internal/link.(*conn)") == 0 {
			t.Fatal("control: a link in use has no goroutine")
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, url+" leaves no goroutine", func() error {
			n := stacks("/rueidis.", "internal/link.(*")
			return unless(n == 0, fmt.Sprint(n, " are left"))
		})
	}
}

// stacks counts the goroutines, beside the caller's, with one of the texts in
// their stacks.
func stacks(texts ...string) int {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	n := 0
	for _, g := range strings.Split(string(buf), "\n\n")[1:] {
		if slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(g, s) }) {
			n++
		}
	}
	return n
}

// An idle connection that the server closes is replaced before a call needs it.
func TestAConnectionThatWasClosedWhileIdleCostsNoCall(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	for range 20 {
		if err := w.set(t, "k"); err != nil {
			t.Fatal(err)
		}
		do(t, s, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		ln := w.entry.line(w.plain)
		eventually(t, "the loss is noticed", func() error { return unless(ln.good.Load() != ln.changed.Load(), "not yet") })
	}
	if got := w.Stats(); len(got.Failures) != 0 || got.Dials != 20 {
		t.Errorf("stats %+v, want no failure and 20 dials", got)
	}
}

func TestDedicatedConnectionsAreBounded(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	leave := make(chan struct{})
	var wg sync.WaitGroup
	var inside atomic.Int64
	for range dedicatedLimit {
		wg.Go(func() {
			err := w.Dedicated(context.Background(), "k", func(ctx context.Context, d rueidis.DedicatedClient) error {
				inside.Add(1)
				<-leave
				return d.Do(ctx, d.B().Ping().Build()).Error()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "all connections are in use", func() error { return unless(inside.Load() == dedicatedLimit, "not yet") })
	ctx, cancel := context.WithTimeout(t.Context(), budget/5)
	defer cancel()
	err := w.Dedicated(ctx, "k", func(context.Context, rueidis.DedicatedClient) error { return errors.New("called") })
	wantFailure(t, err, Crowded, s.Addr)
	close(leave)
	wg.Wait()
	if got := w.Stats(); got.Opened != 0 {
		t.Errorf("a crowd opened the breaker: %+v", got)
	}
}

func TestCloseWaitsForCallsInFlight(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	inside, goOn, done := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		done <- w.Call(context.Background(), "k", func(ctx context.Context, c rueidis.Client) error {
			close(inside)
			<-goOn
			return c.Do(ctx, c.B().Incr().Key("n").Build()).Error()
		})
	}()
	<-inside
	closing := make(chan error, 1)
	go func() { closing <- w.Close() }()
	eventually(t, "the link is closing", func() error { return unless(w.closed(), "still open") })
	close(goOn)
	if err := <-done; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	if err := <-closing; err != nil {
		t.Error(err)
	}
	if got, err := s.Do("GET", "n"); err != nil || got != "1" {
		t.Errorf("n is %v, %v", got, err)
	}
}

package durable

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
	"github.com/redis/rueidis"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

// patience bounds every wait; it is only ever used up by what fails.
const patience = 30 * time.Second

const key = "{ek:test:000}s:one"

// world is a Group with its link and what it told.
type world struct {
	*Group

	mu     sync.Mutex
	events []link.Event
}

func start(t testing.TB, url string, opt Options) *world {
	t.Helper()
	l, err := link.New(url, link.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	opt.Hook = func(e link.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}
	if w.Group, err = New(l, opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		noGoroutine(t)
	})
	return w
}

// noGoroutine finds what a Group or a link may have left.
func noGoroutine(t testing.TB) {
	t.Helper()
	eventually(t, "no goroutine is left", func() error {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for g := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(g, "durable.(*Group)") || strings.Contains(g, "link.(*Link)") {
				return errors.New(g)
			}
		}
		return nil
	})
}

func (w *world) told() []link.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]link.Event(nil), w.events...)
}

// commit is one as the store makes it.
func (w *world) commit(t testing.TB, key, value string) {
	t.Helper()
	if err := w.try(t.Context(), key, value); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func (w *world) try(ctx context.Context, key, value string) error {
	return w.link.Call(ctx, key, func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Hset().Key(key).FieldValue().FieldValue("v", value).Build()).Error()
	})
}

// durably commits and waits.
func (w *world) durably(t testing.TB, key, value string) (int, error) {
	t.Helper()
	token := w.Before(t.Context(), key)
	w.commit(t, key, value)
	return w.Wait(t.Context(), key, token)
}

// waiting is how many wait for the next round.
func (w *world) waiting() int {
	w.Group.mu.Lock()
	defer w.Group.mu.Unlock()
	n := 0
	for _, q := range w.queues {
		n += len(q)
	}
	return n
}

// masterAndReplicas are a set without Sentinels.
func masterAndReplicas(t testing.TB, n int) (master *redistest.Server, replicas []*redistest.Server) {
	t.Helper()
	master = redistest.Start(t)
	for range n {
		replicas = append(replicas, redistest.StartReplica(t, master))
	}
	return master, replicas
}

// value is what a server has of a key, "" for nothing.
func value(t testing.TB, s *redistest.Server, key string) string {
	t.Helper()
	v, err := s.Do("HGET", key, "v")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := v.(string)
	return text
}

func do(t testing.TB, s *redistest.Server, args ...string) any {
	t.Helper()
	v, err := s.Do(args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return v
}

// eventually tries until there is no error.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v: %v", what, patience, err)
		case <-tick.C:
		}
	}
}

func unless(ok bool, text string) error {
	if ok {
		return nil
	}
	return errors.New(text)
}

// wantUnknown checks an answer that may vouch for nothing.
func (w *world) wantUnknown(t testing.TB, acked int, err error) {
	t.Helper()
	if acked != 0 || err != nil {
		t.Errorf("got %d, %v, want 0 and no error", acked, err)
	}
	s := w.Stats()
	if s.Unknown == 0 || s.Unknown != s.Degraded || s.Acknowledged != 0 {
		t.Errorf("stats %+v, want all unknown", s)
	}
}

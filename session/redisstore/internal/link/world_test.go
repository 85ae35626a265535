package link

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/redis/rueidis"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

// patience bounds every wait; it is only ever used up by what fails.
const patience = 30 * time.Second

// budget is what a service gives a call.
const budget = 250 * time.Millisecond

// world is a link with what it told.
type world struct {
	*Link
	writes int // of readsItsWrites

	mu          sync.Mutex
	events      []Event
	invalidated []string // "all" for nil
}

func start(t *testing.T, url string, opt Options) *world {
	t.Helper()
	w := &world{}
	opt.Logger = slog.New(slog.DiscardHandler)
	opt.Hook = func(e Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}
	opt.OnInvalidate = func(keys []string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if keys == nil {
			keys = []string{"all"}
		}
		w.invalidated = append(w.invalidated, keys...)
	}
	l, err := New(url, opt)
	if err != nil {
		t.Fatal(err)
	}
	w.Link = l
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// told returns how often an event of the kind came, and the last one.
func (w *world) told(kind Kind) (n int, last Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Kind == kind {
			n, last = n+1, e
		}
	}
	return n, last
}

// heard tells whether the key, or "all", was invalidated since the last quiet.
func (w *world) heard(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.invalidated, key)
}

func (w *world) quiet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.invalidated = nil
}

// ample is for calls that do not have to be fast, on a machine that may be busy.
const ample = 5 * time.Second

// set writes a key.
func (w *world) set(t *testing.T, key string) error { return w.setWithin(t, key, ample) }

// trySet is set as a service calls it.
func (w *world) trySet(t *testing.T, key string) error { return w.setWithin(t, key, budget) }

func (w *world) setWithin(t *testing.T, key string, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return w.Call(ctx, key, func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Set().Key(key).Value("v").Build()).Error()
	})
}

// read reads a key on the client that tracks.
func (w *world) read(t *testing.T, key string) error { return w.readWithin(t, key, ample) }

// tryRead is read as a service calls it.
func (w *world) tryRead(t *testing.T, key string) error { return w.readWithin(t, key, budget) }

func (w *world) readWithin(t *testing.T, key string, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return w.Tracked(ctx, key, func(ctx context.Context, c rueidis.Client) error {
		err := c.Do(ctx, c.B().Get().Key(key).Build()).Error()
		if rueidis.IsRedisNil(err) {
			return nil
		}
		return err
	})
}

// eventually tries until there is no error.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
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

// wantFailure checks that err is of that kind, and says all the words.
func wantFailure(t *testing.T, err error, want Failure, words ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Failure != want {
		t.Errorf("the error is %v, want one that is %s", err, want)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q does not say %q", err, word)
		}
	}
}

package link

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/redis/rueidis"
)

func (w *world) eventuallyHears(t *testing.T, key string) {
	t.Helper()
	eventually(t, key+" is invalidated", func() error { return unless(w.heard(key), "not told") })
}

func TestChangesByOthersAreTold(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.read(t, "k"); err != nil {
		t.Fatal(err)
	}
	w.quiet() // of the dial
	do(t, s, "SET", "other", "v")
	do(t, s, "SET", "k", "v")
	w.eventuallyHears(t, "k")
	if w.heard("other") || w.heard("all") {
		t.Errorf("more was told than changed: %v", w.invalidated)
	}

	// Its own writes are not told, those of the plain client are.
	w.quiet()
	err := w.Tracked(t.Context(), "k", func(ctx context.Context, c rueidis.Client) error {
		for _, r := range c.DoMulti(ctx, c.B().Get().Key("k").Build(), c.B().Set().Key("k").Value("w").Build(), c.B().Get().Key("k").Build()) {
			if err := r.Error(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.heard("k") {
		t.Error("a write of its own is told")
	}
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	w.eventuallyHears(t, "k")
	w.quiet()
	do(t, s, "FLUSHALL")
	w.eventuallyHears(t, "all")
}

// What changed before a Ping was sent has been told when Ping returns.
func TestPingComesAfterWhatChangedBefore(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	for range 300 {
		if err := w.read(t, "k"); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		do(t, s, "SET", "k", "v")
		before := time.Now()
		sent, err := w.Ping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if sent.Before(before) || sent.After(time.Now()) {
			t.Fatalf("sent at %v, which is not during the call", sent)
		}
		if !w.heard("k") {
			t.Fatal("Ping returned before the change was told")
		}
	}
}

func TestTheTrackedClientHasOneConnection(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if err := w.read(t, "k"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := w.Stats().Dials; got != 1 {
		t.Errorf("%d dials", got)
	}
	list, err := s.Do("CLIENT", "LIST")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(list.(string), "name=evenkeel"); n != 1 {
		t.Errorf("%d connections:\n%s", n, list)
	}
}

// A lost connection is told, and told before anything is answered on the next.
func TestALostConnectionForgetsAll(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.read(t, "k"); err != nil || !w.heard("all") {
		t.Fatalf("the first connection is not told: %v", err) // rueidis itself tells only of lost ones
	}
	for range 20 {
		if err := w.read(t, "k"); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		do(t, s, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		eventually(t, "the next connection answers", func() error { return w.read(t, "k") })
		if !w.heard("all") {
			t.Fatal("an answer came on the new connection before the loss was told")
		}
	}
}

func TestPingFailsWithoutAMasterAndWithoutAnAnswer(t *testing.T) {
	s, other := redistest.Start(t), redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	ping := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), budget)
		defer cancel()
		_, err := w.Ping(ctx)
		return err
	}
	eventually(t, "the control", ping)
	w.quiet()
	do(t, s, "REPLICAOF", "127.0.0.1", strings.TrimPrefix(other.Addr, "127.0.0.1:"))
	wantFailure(t, ping(), ReadOnly, s.Addr)
	w.eventuallyHears(t, "all")
	do(t, s, "REPLICAOF", "NO", "ONE")
	eventually(t, "the master is one again", ping)
	s.Stop()
	if err := ping(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a hanging server: %v", err)
	}
	s.Cont()
	eventually(t, "the server goes on", ping)
}

// A peer that vanishes without a word is found out while nobody asks anything.
func TestAnIdleConnectionToNowhereForgetsAll(t *testing.T) {
	t.Parallel()
	p := redistest.StartProxy(t, redistest.Start(t).Addr)
	w := start(t, "redis://"+p.Addr, Options{})
	if err := w.read(t, "k"); err != nil {
		t.Fatal(err)
	}
	w.quiet()
	p.BlackHole()
	w.eventuallyHears(t, "all")
}

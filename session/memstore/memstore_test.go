package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// site is a store and its clock.
type site struct {
	t     *testing.T
	clock *sessiontest.ManualClock
	store *memstore.Store
}

func newSite(t *testing.T, most int) *site {
	clock := sessiontest.NewClock()
	return &site{t, clock, memstore.New(memstore.Options{MaxSessions: most, Now: clock.Now})}
}

func (s *site) start(key session.Key, idle time.Duration) error {
	_, err := s.store.Commit(context.Background(), key, session.Change{
		WriteID:  "start " + string(key),
		NotAfter: s.clock.Now().Add(time.Minute),
		Start:    &session.Start{Verifier: session.Hash{1}, Idle: idle},
	})
	return err
}

func (s *site) load(key session.Key) error {
	_, err := s.store.Load(context.Background(), key, session.LoadOptions{Verifiers: []session.Hash{{1}}})
	return err
}

func (s *site) holds(want int, what string) {
	s.t.Helper()
	if got := s.store.Len(); got != want {
		s.t.Errorf("%s: %d records, want %d", what, got, want)
	}
}

func TestFullStoreRefusesStartsAndEvictsNobody(t *testing.T) {
	s := newSite(t, 3)
	for i := range 3 {
		if err := s.start(session.Key(fmt.Sprint(i)), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	err := s.start("3", time.Hour)
	if !errors.Is(err, memstore.ErrFull) {
		t.Fatalf("start beyond the bound: got error %v", err)
	}
	if got, want := err.Error(), "memory store is full: it holds 3 sessions, none of them expired"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := s.load("3"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("load of the refused session: got error %v", err)
	}
	for i := range 3 {
		if err := s.load(session.Key(fmt.Sprint(i))); err != nil {
			t.Errorf("load of session %d: %v", i, err)
		}
	}
	if _, err := s.store.Commit(context.Background(), "0", session.Change{
		WriteID: "write", NotAfter: s.clock.Now().Add(time.Minute), Generation: 1,
	}); err != nil {
		t.Errorf("commit in a full store: %v", err)
	}
	if err := s.start("0", time.Hour); err != nil {
		t.Errorf("repeated start in a full store: %v", err)
	}
	s.clock.Advance(66 * time.Minute) // 1.1 times the idle timeout
	if err := s.start("3", time.Hour); err != nil {
		t.Errorf("start after all have expired: %v", err)
	}
	s.holds(1, "after all have expired")
}

func TestBoundOfMaxSessions(t *testing.T) {
	unbounded, byDefault := newSite(t, -1), newSite(t, 0)
	for i := range memstore.DefaultMaxSessions + 1 {
		key := session.Key(fmt.Sprint(i))
		if err := unbounded.start(key, time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := byDefault.start(key, time.Hour); i < memstore.DefaultMaxSessions && err != nil || i == memstore.DefaultMaxSessions && !errors.Is(err, memstore.ErrFull) {
			t.Fatalf("start %d: got error %v", i, err)
		}
	}
	byDefault.clock.Advance(2 * time.Minute)
	byDefault.holds(0, "after the unconfirmed have expired")
}

func TestExpiredAreRemovedInTheOrderInWhichTheyExpire(t *testing.T) {
	s := newSite(t, 0)
	for i, idle := range []time.Duration{30 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute} {
		key := session.Key(fmt.Sprint(i))
		if err := s.start(key, idle); err != nil {
			t.Fatal(err)
		}
		if err := s.load(key); err != nil { // confirmed: lives longer than when it was started
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{11*time.Minute - 1, 4}, {1, 3}, {11 * time.Minute, 2}, {11 * time.Minute, 1}, {11 * time.Minute, 0}} {
		s.clock.Advance(step.wait)
		s.holds(step.want, fmt.Sprintf("%v later", step.wait))
	}
}

// An end that moves closer is honoured as well as one that moves away.
func TestShortenedLife(t *testing.T) {
	s := newSite(t, 0)
	for _, key := range []session.Key{"a", "b"} {
		if err := s.start(key, 10*time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := s.load(key); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.Advance(2 * time.Minute) // let the queue learn that they are confirmed
	s.holds(2, "confirmed")
	_, err := s.store.Commit(context.Background(), "b", session.Change{
		WriteID: "sign-in", NotAfter: s.clock.Now().Add(time.Minute), Generation: 1,
		Renew:  &session.Renew{Verifier: session.Hash{2}},
		SignIn: &session.SignIn{Principal: "alice", Absolute: s.clock.Now().Add(time.Minute)},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Minute)
	s.holds(1, "after the absolute limit")
}

func TestClockThatStepsBackBringsNothingBack(t *testing.T) {
	s := newSite(t, 0)
	if err := s.start("a", time.Hour); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(2 * time.Minute)
	if err := s.load("another"); !errors.Is(err, session.ErrNotFound) {
		t.Fatal(err)
	}
	s.clock.Advance(-time.Minute)
	if err := s.load("a"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("load: got error %v", err)
	}
}

func Example() {
	store := memstore.New(memstore.Options{MaxSessions: 10_000})
	ctx := context.Background()
	key, verifier := session.Key("AAAAAAAAAAAAAAAA"), session.Hash{1}

	_, err := store.Commit(ctx, key, session.Change{
		WriteID:  "first",
		NotAfter: time.Now().Add(time.Second),
		Start:    &session.Start{Verifier: verifier, Idle: 30 * time.Minute},
		Ops:      []session.Op{{Kind: session.OpSet, Name: "cart", Value: []byte("1 apple")}},
	})
	fmt.Println(err)
	rec, err := store.Load(ctx, key, session.LoadOptions{Verifiers: []session.Hash{verifier}})
	fmt.Printf("%s %v\n", rec.Attributes["cart"], err)
	_, err = store.Load(ctx, key, session.LoadOptions{Verifiers: []session.Hash{{2}}})
	fmt.Println(err)
	// Output:
	// <nil>
	// 1 apple <nil>
	// session not found
}

package sessiontest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session/memstore"
)

// The control: a store made of Apply and Open is never rejected.
func TestChecksAcceptRightStores(t *testing.T) {
	t.Run("fake", func(t *testing.T) {
		Test(t, func(*testing.T) Harness {
			_, h := newFake(fault{})
			return h
		})
	})
	t.Run("memstore", func(t *testing.T) {
		Test(t, func(*testing.T) Harness {
			clock := NewClock()
			store := memstore.New(memstore.Options{Now: clock.Now})
			return Harness{Store: store, Peer: WithFaults(store), Clock: clock}
		})
	})
}

// Every faulty store is rejected by the checks that are about its fault.
func TestChecksRejectFaultyStores(t *testing.T) {
	byName := map[string]Check{}
	for _, check := range Checks() {
		byName[check.Name] = check
	}
	for _, f := range slices.Concat(faulty, faultyDirectories) {
		for name := range strings.FieldsSeq(f.checks) {
			t.Run(f.name+"/"+name, func(t *testing.T) {
				check, ok := byName[name]
				if !ok {
					t.Fatalf("there is no check %q", name)
				}
				_, h := newFake(f.fault)
				err := check.Run(h)
				if err == nil {
					t.Fatalf("check %q accepted a store that %s", name, f.name)
				}
				t.Log(err)
			})
		}
	}
}

// A check that has never rejected anything is untested.
func TestEveryCheckIsTested(t *testing.T) {
	var tested []string
	for _, f := range slices.Concat(faulty, faultyDirectories) {
		tested = append(tested, strings.Fields(f.checks)...)
	}
	var seen []string
	for _, check := range Checks() {
		if !slices.Contains(tested, check.Name) {
			t.Errorf("no faulty store is rejected by check %q", check.Name)
		}
		if slices.Contains(seen, check.Name) {
			t.Errorf("two checks are called %q", check.Name)
		}
		if check.Guarantee == "" {
			t.Errorf("check %q names no guarantee", check.Name)
		}
		seen = append(seen, check.Name)
	}
}

// Without hooks, and of a store without abilities, only the checks that say so
// are left out.
func TestMissingHooks(t *testing.T) {
	needs := map[string][]string{}
	for _, check := range Checks() {
		store := memstore.New(memstore.Options{})
		switch hook := check.Missing(Harness{Store: WithFaults(store)}); hook {
		case "":
		case "session.Principals", "session.Inspector":
			needs[hook] = append(needs[hook], check.Name)
		default:
			needs["hooks"] = append(needs["hooks"], check.Name)
		}
		h := Harness{Store: store}
		if check.Missing(h) != "" {
			continue
		}
		if err := check.Run(h); err != nil {
			t.Errorf("%s, on the machine's clock: %v", check.Name, err)
		}
	}
	if principals, inspector := len(needs["session.Principals"]), len(needs["session.Inspector"]); principals != 17 || inspector != 3 {
		t.Errorf("skipped without abilities: %d and %d checks: %q", principals, inspector, needs)
	}
	skipped := needs["hooks"]
	want := []string{
		"late-edge", "late-retry", "renew-then-lapse", "renew-window", "renew-many", "tombstone-life",
		"idle", "idle-commits", "idle-start", "touch", "touch-commit", "passive", "unconfirmed", "confirmed", "absolute",
		"clock-back-versions", "clock-back-accessed", "clock-back-windows", "clock-back-tombstone", "unknown-format",
	}
	if !slices.Equal(skipped, want) {
		t.Errorf("skipped without hooks:\n got %q\nwant %q", skipped, want)
	}
}

func TestFaults(t *testing.T) {
	e := &env{ctx: context.Background(), h: Harness{Clock: NewClock()}}
	faults := WithFaults(memstore.New(memstore.Options{Now: e.now}))
	e.store, e.peer = faults, faults
	s := e.start()
	faults.Loads(LoseRequest, LoseReply)
	for range 2 {
		if _, err := s.tryLoad(s.hash); !errors.Is(err, ErrLost) {
			t.Errorf("load with a fault: got error %v", err)
		}
	}
	lost := e.now()
	e.advance(time.Second)
	rec := s.load()
	if !rec.Accessed.Equal(lost) {
		t.Errorf("accessed: got %v, want %v, when the load whose reply was lost was answered", rec.Accessed, lost)
	}
	faults.Commits(LoseRequest, LoseReply)
	for i, want := range []string{"", "1"} {
		if _, err := s.tryCommit(e.change(rec, set("a", "1"))); !errors.Is(err, ErrLost) {
			t.Errorf("commit with a fault: got error %v", err)
		}
		if got := string(s.load().Attributes["a"]); got != want {
			t.Errorf("attribute after fault %d: got %q, want %q", i+1, got, want)
		}
	}
}

func TestCaughtLetsOtherPanicsThrough(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a panic of the store under test was swallowed")
		}
	}()
	_ = caught(func() { panic("a bug") })
}

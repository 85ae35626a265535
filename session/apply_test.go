package session_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var applyStart = time.UnixMilli(1_800_000_000_000).UTC()

// bench holds one record and applies changes to it that must succeed.
type bench struct {
	t   *testing.T
	now time.Time
	rec *session.Record
	n   int
}

func newBench(t *testing.T, idle time.Duration) *bench {
	b := &bench{t: t, now: applyStart}
	b.apply(session.Change{Start: &session.Start{Verifier: session.Hash{1}, Idle: idle}})
	return b
}

// try applies c as a request that has just loaded, unless c says otherwise.
func (b *bench) try(c session.Change) (session.Result, error) {
	b.n++
	if c.WriteID == "" {
		c.WriteID = fmt.Sprint("w", b.n)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = b.now.Add(time.Minute)
	}
	if b.rec != nil && c.Generation == 0 {
		c.Generation, c.Base = b.rec.Generation, b.rec.Version
	}
	next, result, err := session.Apply(b.rec, c, b.now)
	b.rec = next
	return result, err
}

func (b *bench) apply(c session.Change) session.Result {
	b.t.Helper()
	result, err := b.try(c)
	if err != nil {
		b.t.Fatalf("%+v: %v", c, err)
	}
	return result
}

func (b *bench) open(h session.Hash) error {
	_, updated, err := session.Open(b.rec, session.LoadOptions{Verifiers: []session.Hash{h}}, b.now)
	if updated != nil {
		b.rec = updated
	}
	return err
}

func TestExpires(t *testing.T) {
	at := func(d time.Duration) time.Time { return applyStart.Add(d) }
	for what, test := range map[string]struct {
		rec  session.Record
		want time.Time
	}{
		"confirmed":                    {session.Record{Accessed: at(0), Idle: 10 * time.Minute}, at(11 * time.Minute)},
		"confirmed, absolute first":    {session.Record{Accessed: at(0), Idle: 10 * time.Minute, Absolute: at(5 * time.Minute)}, at(5 * time.Minute)},
		"confirmed, absolute later":    {session.Record{Accessed: at(0), Idle: 10 * time.Minute, Absolute: at(time.Hour)}, at(11 * time.Minute)},
		"unconfirmed":                  {session.Record{Created: at(0), Idle: 10 * time.Minute}, at(2 * time.Minute)},
		"unconfirmed, short":           {session.Record{Created: at(0), Idle: time.Minute}, at(66 * time.Second)},
		"unconfirmed, absolute first":  {session.Record{Created: at(0), Idle: time.Hour, Absolute: at(time.Second)}, at(time.Second)},
		"for ever":                     {session.Record{Accessed: at(0), Idle: math.MaxInt64}, at(math.MaxInt64)},
		"whole milliseconds":           {session.Record{Accessed: at(0), Idle: 15 * time.Millisecond}, at(16 * time.Millisecond)},
		"tombstone":                    {session.Record{Gone: "x", Version: session.Version{N: at(0).UnixMilli()}, Idle: time.Hour}, at(time.Hour)},
		"tombstone, short":             {session.Record{Gone: "x", Version: session.Version{N: at(0).UnixMilli()}, Idle: time.Second}, at(time.Minute)},
		"tombstone, long":              {session.Record{Gone: "x", Version: session.Version{N: at(0).UnixMilli()}, Idle: 1000 * time.Hour}, at(24 * time.Hour)},
		"tombstone, beyond the limits": {session.Record{Gone: "x", Version: session.Version{N: at(0).UnixMilli()}, Idle: time.Hour, Absolute: at(time.Second)}, at(time.Hour)},
	} {
		if got := test.rec.Expires(); !got.Equal(test.want) {
			t.Errorf("%s: got %v, want %v", what, got, test.want)
		}
	}
}

func TestTimesAreWholeMilliseconds(t *testing.T) {
	b := &bench{t: t, now: applyStart.Add(1_234_567 * time.Nanosecond)}
	b.apply(session.Change{
		Start:  &session.Start{Verifier: session.Hash{1}, Idle: time.Minute + time.Microsecond, Absolute: b.now.Add(time.Hour)},
		SignIn: nil,
	})
	if err := b.open(session.Hash{1}); err != nil {
		t.Fatal(err)
	}
	b.apply(session.Change{Renew: &session.Renew{Verifier: session.Hash{2}}})
	for what, at := range map[string]time.Time{
		"created": b.rec.Created, "accessed": b.rec.Accessed, "absolute": b.rec.Absolute,
		"window": b.rec.Superseded[0].CommitUntil, "expires": b.rec.Expires(),
	} {
		if at.Nanosecond()%1_000_000 != 0 || at.Location() != time.UTC {
			t.Errorf("%s: got %v", what, at)
		}
	}
	if b.rec.Idle != time.Minute {
		t.Errorf("idle: got %v", b.rec.Idle)
	}
}

func TestTombstoneKeepsWhatAnswersAndNothingElse(t *testing.T) {
	b := newBench(t, time.Hour)
	b.apply(session.Change{
		SignIn: &session.SignIn{Principal: "alice", Epoch: 5},
		Renew:  &session.Renew{Verifier: session.Hash{2}},
		Ops:    []session.Op{{Name: "iban", Value: []byte("DE02")}},
	})
	before := b.rec
	b.apply(session.Change{Invalidate: session.ReasonRevoked})
	r := b.rec
	if r.Attributes != nil || r.Size != 0 || r.Principal != "" || r.Epoch != 0 || r.Superseded[0].Fenced != nil {
		t.Errorf("the tombstone still holds %+v", r)
	}
	if r.Verifier != before.Verifier || r.Superseded[0].Verifier != (session.Hash{1}) || len(r.Writes) != 3 ||
		r.Version.N <= before.Version.N || r.Generation != 2 || r.Gone != session.ReasonRevoked || !r.Created.Equal(before.Created) {
		t.Errorf("the tombstone lost something: %+v", r)
	}
	if len(before.Superseded[0].Fenced) != 1 {
		t.Error("the record before lost its fence")
	}
}

func TestOldestGenerationsAreForgotten(t *testing.T) {
	b := newBench(t, time.Hour)
	for g := byte(2); g <= 7; g++ {
		b.apply(session.Change{Renew: &session.Renew{Verifier: session.Hash{g}, Strict: g == 5}})
	}
	var generations []int64
	for _, s := range b.rec.Superseded {
		generations = append(generations, s.Generation)
	}
	if got := fmt.Sprint(generations); got != "[6 5 4 3]" {
		t.Errorf("got %s", got)
	}
	for h, want := range map[byte]error{2: session.ErrNotFound, 3: nil, 6: nil, 7: nil} {
		if err := b.open(session.Hash{h}); !errors.Is(err, want) {
			t.Errorf("verifier %d: got error %v, want %v", h, err, want)
		}
	}
}

// A renewal whose write has left the ring is still recognised, but what its
// merges returned is not: no ticket may be made up.
func TestForgottenRenewalWithMergesIsUnknown(t *testing.T) {
	for merges, want := range map[bool]error{false: nil, true: session.ErrUnknown} {
		b := newBench(t, time.Hour)
		c := session.Change{WriteID: "renewal", Generation: 1, Base: b.rec.Version, Renew: &session.Renew{Verifier: session.Hash{2}}}
		if merges {
			c.Ops = []session.Op{{Kind: session.OpAdd, Name: "ticket", N: 1}}
		}
		b.apply(c)
		for range session.MaxWrites {
			b.apply(session.Change{})
		}
		c.Retry = true
		result, err := b.try(c)
		if !errors.Is(err, want) {
			t.Errorf("merges %v: got error %v, want %v", merges, err, want)
		}
		if err == nil && (!result.Repeated || !result.Renewed) {
			t.Errorf("merges %v: got %+v", merges, result)
		}
	}
}

func TestLimitsThatHavePassedAreRefused(t *testing.T) {
	_, _, err := session.Apply(nil, session.Change{
		WriteID: "w", NotAfter: applyStart.Add(time.Minute),
		Start: &session.Start{Verifier: session.Hash{1}, Idle: time.Hour, Absolute: applyStart},
	}, applyStart)
	if !errors.Is(err, session.ErrMalformed) {
		t.Errorf("start: got error %v", err)
	}
	b := newBench(t, time.Hour)
	if _, err := b.try(session.Change{
		Renew:  &session.Renew{Verifier: session.Hash{2}},
		SignIn: &session.SignIn{Principal: "alice", Absolute: applyStart},
	}); !errors.Is(err, session.ErrMalformed) {
		t.Errorf("sign-in: got error %v", err)
	}
}

func TestResultsShareNoMemoryWithTheRecord(t *testing.T) {
	b := newBench(t, time.Hour)
	c := session.Change{WriteID: "w", Ops: []session.Op{{Kind: session.OpAdd, Name: "n", N: 1}}}
	b.apply(c).Values[0] = 9
	b.apply(c).Values[0] = 9
	if got := b.apply(c).Values[0]; got != 1 {
		t.Errorf("stored result: got %d, want 1", got)
	}
}

// Whatever the clock does: versions grow, accesses never move back, what a
// write has seen closed stays closed, and a tombstone never becomes a session.
func TestAnyClock(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		b := newBench(t, 24*time.Hour)
		if err := b.open(session.Hash{1}); err != nil {
			t.Fatal(err)
		}
		closed := map[int64]bool{} // generations whose window a write has seen closed
		for range 100 {
			b.now = b.now.Add(time.Duration(r.IntN(41)-20) * time.Second)
			before := b.rec
			switch r.IntN(6) {
			case 0:
				b.apply(session.Change{Renew: &session.Renew{Verifier: session.Hash{byte(b.n), byte(b.n >> 8), 1}}})
			case 1:
				if err := b.open(b.rec.Verifier); err != nil {
					t.Fatal(err)
				}
			case 2, 3:
				b.apply(session.Change{})
			default:
				old := max(1, b.rec.Generation-int64(r.IntN(3)))
				_, err := b.try(session.Change{Generation: old, Base: b.rec.Version})
				if closed[old] && err == nil {
					t.Fatalf("seed %d: generation %d commits again", seed, old)
				}
			}
			wrote := b.rec.Version != before.Version
			if wrote && b.rec.Version.N <= before.Version.N {
				t.Fatalf("seed %d: version %d after %d", seed, b.rec.Version.N, before.Version.N)
			}
			if b.rec.Accessed.Before(before.Accessed) {
				t.Fatalf("seed %d: accessed %v after %v", seed, b.rec.Accessed, before.Accessed)
			}
			for _, s := range b.rec.Superseded {
				outside := !b.now.Before(s.CommitUntil) || s.CommitUntil.After(b.now.Add(session.RenewalGrace))
				closed[s.Generation] = closed[s.Generation] || wrote && outside
			}
		}
		b.apply(session.Change{Invalidate: session.ReasonSignOut})
		for range 20 {
			b.now = b.now.Add(time.Duration(r.IntN(41)-40) * time.Minute)
			if err := b.open(b.rec.Verifier); !errors.Is(err, session.ErrGone{Reason: session.ReasonSignOut}) {
				t.Fatalf("seed %d: load of a tombstone: %v", seed, err)
			}
			if _, err := b.try(session.Change{}); !errors.Is(err, session.ErrGone{Reason: session.ReasonSignOut}) {
				t.Fatalf("seed %d: commit on a tombstone: %v", seed, err)
			}
		}
	}
}

func TestOpenWritesOnlyWhenItMust(t *testing.T) {
	b := newBench(t, time.Hour)
	load := func(passive bool, hashes ...session.Hash) bool {
		t.Helper()
		view, updated, err := session.Open(b.rec, session.LoadOptions{Verifiers: hashes, Passive: passive}, b.now)
		if err != nil {
			t.Fatal(err)
		}
		view.Attributes = nil
		if updated == nil {
			return false
		}
		if updated.Version != b.rec.Version || len(updated.Writes) != len(b.rec.Writes) {
			t.Errorf("a load changed version or writes: %+v", updated)
		}
		b.rec = updated
		return true
	}
	var got []bool
	got = append(got, load(true, session.Hash{1}), load(false, session.Hash{1})) // confirms, nothing
	b.now = b.now.Add(6 * time.Minute)
	got = append(got, load(true, session.Hash{1}), load(false, session.Hash{1}), load(false, session.Hash{1})) // nothing, touches, nothing
	b.apply(session.Change{Renew: &session.Renew{Verifier: session.Hash{2}}})
	got = append(got, load(false, session.Hash{1}), load(true, session.Hash{1}, session.Hash{2}), load(false, session.Hash{2})) // nothing, lapses, nothing
	b.now = b.now.Add(6 * time.Minute)
	got = append(got, load(false, session.Hash{2})) // touches
	if want := []bool{true, false, false, true, false, false, true, false, true}; !slices.Equal(got, want) {
		t.Errorf("writes: got %v, want %v", got, want)
	}
}

package index

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// small makes scripts read four entries at most, so that a few sessions are
// many.
func small(ix *Index) *Index {
	ix.sizes = sizes{page: 4, crowd: 3, sample: 2}
	return ix
}

func TestABoundThatComesLateIsKeptAmongMany(t *testing.T) {
	w := newWorld(t)
	ix := small(w.process(Options{}))
	var all []session.Key
	for range 20 {
		all = append(all, w.signedIn(ix, alice, 0))
	}
	c := w.signingIn(alice, 3)
	c.SignIn.Refuse = true
	if _, err := ix.Register(t.Context(), newKey(), c); !errors.Is(err, session.ErrTooMany) || len(w.usable(alice)) != 20 {
		t.Errorf("refused: %v, %d can be used", err, len(w.usable(alice)))
	}
	newest := w.signedIn(ix, alice, 3)
	list, err := ix.Sessions(t.Context(), alice)
	if want := append(all[18:], newest); err != nil || !slices.Equal(keysOf(list), want) {
		t.Errorf("listed are %v, %v, want %v", keysOf(list), err, want)
	}
	for _, key := range all[:18] {
		if w.record(key).Gone != session.ReasonEvicted {
			t.Error("one of the first is no tombstone")
		}
	}
}

// A bound beyond what a script reads is kept too.
func TestALargeBoundIsKept(t *testing.T) {
	w := newWorld(t)
	ix := small(w.process(Options{}))
	var all []session.Key
	for range 15 {
		all = append(all, w.signedIn(ix, alice, 7))
		if n := len(w.usable(alice)); n != min(len(all), 7) {
			t.Fatalf("%d can be used after %d sign-ins", n, len(all))
		}
	}
	list, err := ix.Sessions(t.Context(), alice)
	if err != nil || !slices.Equal(keysOf(list), all[8:]) {
		t.Errorf("listed are %v, %v", keysOf(list), err)
	}
	again := w.again(all[8], alice, 7)
	if err := w.signIn(t.Context(), ix, all[8], again, w.commit); err != nil || len(w.usable(alice)) != 7 {
		t.Errorf("one signs in again: %v, %d can be used", err, len(w.usable(alice)))
	}
}

// A crowd that has ended makes room.
func TestManyThatHaveEndedDoNotCount(t *testing.T) {
	w := newWorld(t)
	ix := small(w.process(Options{}))
	for range 20 {
		delete(w.records, w.signedIn(ix, alice, 0))
	}
	w.now = func() time.Time { return time.Now().Add(time.Hour) } // of the records: no sign-in is pending
	c := w.signingIn(alice, 1)
	c.SignIn.Refuse = true
	if err := w.signIn(t.Context(), ix, newKey(), c, w.commit); err != nil {
		t.Error(err)
	}
	if n := len(w.entries(alice)); n != 1 {
		t.Errorf("%d entries are left", n)
	}
}

// Without a bound, too, the index does not grow for ever: each sign-in looks at
// a few entries.
func TestAnUnboundedIndexForgetsWhatHasEnded(t *testing.T) {
	w := newWorld(t)
	advance := w.stopClock()
	ix := w.stopped()
	ix.sizes = sizes{page: 512, crowd: 16, sample: 4}
	most := 0
	for range 400 {
		w.signedIn(ix, alice, 0)
		advance(10 * time.Minute) // by then it has expired: it is never confirmed
		most = max(most, len(w.entries(alice)))
	}
	if most > 100 {
		t.Errorf("up to %d entries of sessions that have ended", most)
	}
}

// What a sample finds doomed is finished.
func TestASampleFinishesWhatIsDoomed(t *testing.T) {
	w := newWorld(t)
	ix := small(w.process(Options{}))
	for range 10 {
		w.signedIn(ix, alice, 0)
	}
	if err := ix.raise(t.Context(), alice, "", session.ReasonRevoked); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		w.signedIn(ix, alice, 0)
	}
	epoch, _ := w.epoch(alice)
	for _, e := range w.entries(alice) {
		if epoch.doom(&e) != "" {
			t.Errorf("%s is still doomed", e.key)
		}
	}
}

// A call that finds more than it may examine says so, and does what it can.
func TestMoreEntriesThanACallExaminesAreAnError(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	index, _ := Keys(prefix, alice)
	key := w.signedIn(ix, alice, 0)
	args := []string{"HSET", index}
	for i := range maxEntries + 600 {
		e := entry{attempts: []attempt{{write: "w", number: 1}}}
		args = append(args, fmt.Sprintf("%016d", i), e.encode())
	}
	w.command(args...)
	if _, err := ix.Sessions(t.Context(), alice); !errors.Is(err, errTooManyEntries) {
		t.Errorf("listed: %v", err)
	}
	if list, err := ix.Sessions(t.Context(), alice); err != nil || !slices.Equal(keysOf(list), []session.Key{key}) {
		t.Errorf("listed again, when the first call has removed what had ended: %v, %v", list, err)
	}
}

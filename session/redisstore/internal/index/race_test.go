package index

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// Fifty sign-ins at once from four processes, three sessions allowed: after
// every single change of a record there are at most three.
func TestFiftySignInsAtOnceNeverExceedTheBound(t *testing.T) {
	w := newWorld(t)
	others := w.signedIn(w.process(Options{}), bob, 3)
	exceeded, most := 0, 0
	w.changed = func() {
		n := w.held(alice)
		most = max(most, n)
		if n > 3 {
			exceeded++
		}
	}
	var processes []*Index
	for range 4 {
		processes = append(processes, w.process(Options{}))
	}
	var acknowledged atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			err := w.signIn(t.Context(), processes[i%4], newKey(), w.signingIn(alice, 3), w.commit)
			switch {
			case err == nil:
				acknowledged.Add(1)
			case !errors.Is(err, session.ErrExists) && !errors.As(err, new(session.ErrGone)):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if exceeded > 0 || most != 3 {
		t.Errorf("%d times there were more than three, at most %d", exceeded, most)
	}
	if n := len(w.usable(alice)); n != 3 || !w.usable(bob)[others] {
		t.Errorf("%d can be used in the end; the other principal's: %v", n, w.usable(bob)[others])
	}
	t.Logf("%d of 50 were acknowledged", acknowledged.Load())
}

// Sign-ins, and revocations of all again and again: none that was acknowledged
// before a revocation began can be used after it has returned.
func TestRevocationsAmongSignInsEndAllThatCameBefore(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var before []session.Key // acknowledged
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		ix := w.process(Options{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				key := newKey()
				if err := w.signIn(t.Context(), ix, key, w.signingIn(alice, 0), w.commit); err == nil {
					mu.Lock()
					before = append(before, key)
					mu.Unlock()
				}
			}
		})
	}
	checked := 0
	for ix, round := w.process(Options{}), 0; round < 40 || checked < 100 && round < 4000; round++ {
		mu.Lock()
		acknowledged := before
		before = nil
		mu.Unlock()
		if _, err := ix.Revoke(t.Context(), alice, session.Revocation{}); err != nil {
			t.Error(err)
			break
		}
		usable := w.usable(alice)
		for _, key := range acknowledged {
			checked++
			if rec := w.record(key); rec.Gone == "" || usable[key] {
				t.Errorf("%s has survived: %+v", key, rec)
			}
		}
	}
	close(stop)
	wg.Wait()
	if checked < 100 {
		t.Errorf("only %d acknowledged sign-ins were revoked", checked)
	}
}

// Many principals at once: nobody's session is touched by others' sign-ins and
// revocations.
func TestPrincipalsDoNotTouchOneAnother(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 8 {
		p := w.somebody()
		ix := w.process(Options{})
		wg.Go(func() {
			for range 10 {
				if err := w.signIn(t.Context(), ix, newKey(), w.signingIn(p, 2), w.commit); err != nil {
					t.Error(err)
				}
			}
			list, err := ix.Sessions(t.Context(), p)
			if err != nil || len(list) != 2 {
				t.Errorf("listed are %v, %v", list, err)
				return
			}
			if n, err := ix.Revoke(t.Context(), p, session.Revocation{Except: list[0].Key}); n != 1 || err != nil {
				t.Errorf("%d were ended, %v", n, err)
			}
			if usable := w.usable(p); len(usable) != 1 || !usable[list[0].Key] {
				t.Errorf("%v can be used", usable)
			}
		})
	}
	wg.Wait()
}

package index

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// A call crashes, or does not hear an answer, at each of its steps; then
// another process calls, and everything is as if the first had never been, or
// had been completed.
func TestACrashAtEachStepIsFinishedByTheNextCall(t *testing.T) {
	w := newWorld(t)
	for name, tell := range w.crashStories() {
		t.Run(name, func(t *testing.T) {
			runs, err := w.explore(tell, fault{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d ways", runs)
		})
	}
}

// crashStories have one call each, with two faults, and end with a list by
// another process.
func (w *world) crashStories() map[string]func(string) story {
	with := func(p string, most int, call func(*actor) error, check func() error) story {
		return story{calls: []func(*actor) error{call}, faults: 2, watch: w.bounded(p, most), after: func([]*actor) error {
			if err := w.consistent(p); err != nil {
				return err
			}
			return check()
		}}
	}
	none := func() error { return nil }
	return map[string]func(string) story{
		"a sign-in that evicts": func(p string) story {
			w.signedIn(w.before(), p, 1)
			return with(p, 1, signs(newKey(), w.signingIn(p, 1)), none)
		},
		"a sign-in of an anonymous session that evicts": func(p string) story {
			w.signedIn(w.before(), p, 1)
			key := w.anonymous()
			return with(p, 1, signs(key, w.again(key, p, 1)), none)
		},
		"a sign-in that is repeated": func(p string) story {
			w.signedIn(w.before(), p, 1)
			key, c := newKey(), w.signingIn(p, 1)
			return with(p, 1, func(a *actor) error {
				for c.Retry = false; ; c.Retry = true {
					if err := signs(key, c)(a); !errors.Is(err, errLost) {
						return err
					}
				}
			}, none)
		},
		"a revocation of one": func(p string) story {
			ix := w.before()
			key, kept := w.signedIn(ix, p, 0), w.signedIn(ix, p, 0)
			return with(p, 2, revokes(p, session.Revocation{Only: key}), func() error { return w.halfDone(p, key, kept) })
		},
		"a revocation of all but one": func(p string) story {
			ix := w.before()
			key, kept := w.signedIn(ix, p, 0), w.signedIn(ix, p, 0)
			return with(p, 2, revokes(p, session.Revocation{Except: kept}), func() error { return w.halfDone(p, key, kept) })
		},
	}
}

// halfDone checks that a revocation of key has been completed, or had not begun
// and leaves the next one to do it.
func (w *world) halfDone(p string, key, kept session.Key) error {
	if !w.usable(p)[kept] {
		return errors.New("the other session was ended")
	}
	if _, err := w.process(Options{}).Revoke(context.Background(), p, session.Revocation{Only: key}); err != nil {
		return err
	}
	if w.record(key).Gone == "" {
		return errors.New("to call again has not ended the session")
	}
	return nil
}

// consistent lists the sessions by another process, and checks that nothing
// is doomed afterwards and that what can be used, what is listed and what there
// is are the same.
func (w *world) consistent(p string) error {
	usable := w.usable(p)
	list, err := w.process(Options{}).Sessions(context.Background(), p)
	if err != nil {
		return err
	}
	epoch, _ := w.epoch(p)
	for _, e := range w.entries(p) {
		if epoch.doom(&e) != "" {
			return fmt.Errorf("entry %+v is still doomed", e)
		}
	}
	for _, l := range list {
		if !usable[l.Key] {
			return fmt.Errorf("%s is listed and could not be used", l.Key)
		}
	}
	if now := w.usable(p); len(now) != len(list) {
		return fmt.Errorf("%d sessions are listed, %d can be used", len(list), len(now))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.held(p); n != len(list) {
		return fmt.Errorf("%d sessions are left, %d are listed", n, len(list))
	}
	return nil
}

// alters changes a script.
func alters(script func(*scripts) **rueidis.Lua, source, old, with string) fault {
	text := sharedSource + source
	if strings.Count(text, old) != 1 {
		panic(fmt.Sprintf("%q is in the script %d times", old, strings.Count(text, old)))
	}
	changed := rueidis.NewLuaScript(strings.Replace(text, old, with, 1))
	return fault{index: func(ix *Index) { *script(&ix.scripts) = changed }}
}

// markFirst removes the mark of a doomed session before it is destroyed.
type markFirst struct{ *actor }

func (m markFirst) Destroy(ctx context.Context, key session.Key, v Victim) (bool, error) {
	index, _ := Keys(prefix, v.Principal)
	err := m.Call(ctx, index, func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Hdel().Key(index).Field(string(key)).Build()).Error()
	})
	if err != nil {
		return false, err
	}
	return m.actor.Destroy(ctx, key, v)
}

// overdue takes every sign-in for one whose deadline has passed.
type overdue struct{ *actor }

func (o overdue) Look(ctx context.Context, key session.Key) (*session.Record, time.Time, error) {
	rec, now, err := o.actor.Look(ctx, key)
	return rec, now.Add(time.Hour), err
}

// open leaves no tombstone for a sign-in that is on its way.
type open struct{ *actor }

func (o open) Destroy(ctx context.Context, key session.Key, v Victim) (bool, error) {
	v.PendingUntil = time.Time{}
	return o.actor.Destroy(ctx, key, v)
}

// idle destroys nothing.
type idle struct{ *actor }

func (idle) Destroy(context.Context, session.Key, Victim) (bool, error) { return true, nil }

// meanwhile has something happen when a record has been looked at.
type meanwhile struct {
	Records
	key session.Key
	f   func()
}

func (m meanwhile) Look(ctx context.Context, key session.Key) (*session.Record, time.Time, error) {
	rec, now, err := m.Records.Look(ctx, key)
	if key == m.key {
		m.f()
	}
	return rec, now, err
}

// endedMeanwhile is a sign-in whose session is revoked between its examination
// and its registration: it must not evict the one that was signed in first.
func (w *world) endedMeanwhile(p string) story {
	ix := w.before()
	first, key := w.signedIn(ix, p, 0), w.signedIn(ix, p, 0)
	w.signedIn(ix, p, 0)
	c := w.again(key, p, 2)
	call := func(a *actor) error {
		a.ix.records = meanwhile{a.ix.records, key, func() {
			_, _ = ix.Revoke(context.Background(), p, session.Revocation{Only: key})
		}}
		return signs(key, c)(a)
	}
	return story{calls: []func(*actor) error{call}, after: func(actors []*actor) error {
		if err := actors[0].err; !errors.Is(err, session.ErrGone{Reason: session.ReasonRevoked}) {
			return fmt.Errorf("the sign-in said %w", err)
		}
		if !w.usable(p)[first] {
			return errors.New("the first one was evicted")
		}
		return nil
	}}
}

func TestNobodyIsEvictedForASessionThatEndsMeanwhile(t *testing.T) {
	w := newWorld(t)
	if _, err := w.explore(w.endedMeanwhile, fault{}); err != nil {
		t.Error(err)
	}
}

// Each fault is found by the story that is named, in some order of its steps.
func TestPlantedFaultsAreFound(t *testing.T) {
	w := newWorld(t)
	registers := func(s *scripts) **rueidis.Lua { return &s.register }
	raises := func(s *scripts) **rueidis.Lua { return &s.raise }
	wraps := func(f func(*actor) Records) fault {
		return fault{records: func(r Records) Records { return f(r.(*actor)) }}
	}
	signIns, crashes := w.signInStories(), w.crashStories()
	for name, c := range map[string]struct {
		tell  func(string) story
		fault fault
	}{
		"a mark is removed before its session is destroyed": {crashes["a revocation of one"],
			wraps(func(a *actor) Records { return markFirst{a} })},
		"the deadline of a pending sign-in is not checked": {signIns["the first two"],
			wraps(func(a *actor) Records { return overdue{a} })},
		"a sign-in on its way finds no tombstone": {signIns["the first two"],
			wraps(func(a *actor) Records { return open{a} })},
		"a victim is not destroyed": {signIns["one is there"],
			wraps(func(a *actor) Records { return idle{a} })},
		"the epoch is not raised": {w.revokedStory,
			alters(raises, raiseSource, "epoch.number, epoch.reason = epoch.last, ARGV[3]", "epoch.number, epoch.reason = old.number, ARGV[3]")},
		"the exception is forgotten": {w.exceptedStory,
			alters(raises, raiseSource, "epoch.except = ARGV[2]\n", "")},
		"the bound is one too many": {signIns["one is there"],
			alters(registers, registerSource, "if most > 0 and count > most then\n  -- Nobody", "if most > 0 and count > most + 1 then\n  -- Nobody")},
		"victims are not marked": {signIns["one is there"],
			alters(registers, registerSource, "    table.insert(doomed, victim)\n", "")},
		"open marks are not finished": {signIns["one is there"],
			alters(registers, registerSource, "        table.insert(doomed, entry)\n", "")},
		"a doomed session signs in again": {signIns["again, and another"],
			alters(registers, registerSource, "if reason then return", "if false then return")},
		"somebody is evicted for a session that has ended": {w.endedMeanwhile,
			alters(registers, registerSource, "if examined ~= seen then", "if examined == '' then")},
	} {
		t.Run(name, func(t *testing.T) {
			runs, err := w.explore(c.tell, c.fault)
			if err == nil {
				t.Fatalf("not found in %d orders", runs)
			}
			t.Logf("found after %d orders: %v", runs, err)
		})
	}
}

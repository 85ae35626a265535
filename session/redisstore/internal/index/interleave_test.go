package index

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// signs is a call that signs key in.
func signs(key session.Key, c session.Change) func(*actor) error {
	return func(a *actor) error { return a.w.signIn(context.Background(), a.ix, key, c, a.commit) }
}

func revokes(principal string, r session.Revocation) func(*actor) error {
	return func(a *actor) error {
		_, err := a.ix.Revoke(context.Background(), principal, r)
		return err
	}
}

// bounded is a watch: at most that many sessions, whatever the epoch says.
func (w *world) bounded(principal string, most int) func() error {
	return func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := w.held(principal); n > most {
			return fmt.Errorf("%d sessions, at most %d are allowed", n, most)
		}
		return nil
	}
}

// exactly is an after: that many sessions can be used.
func (w *world) exactly(principal string, n int) func([]*actor) error {
	return func(actors []*actor) error {
		if got := w.usable(principal); len(got) != n {
			return fmt.Errorf("%d sessions can be used, not %d; the calls returned %v", len(got), n, errorsOf(actors))
		}
		return nil
	}
}

func errorsOf(actors []*actor) (list []error) {
	for _, a := range actors {
		list = append(list, a.err)
	}
	return list
}

// before forgets the records of earlier runs and returns a process to prepare
// this one.
func (w *world) before() *Index {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.records)
	return w.process(Options{})
}

// stories with a bound of one session and two sign-ins at once.
func (w *world) signInStories() map[string]func(string) story {
	both := func(principal string, k1, k2 session.Key, c1, c2 session.Change) story {
		return story{
			calls: []func(*actor) error{signs(k1, c1), signs(k2, c2)},
			watch: w.bounded(principal, 1), after: w.exactly(principal, 1),
		}
	}
	return map[string]func(string) story{
		"the first two": func(p string) story {
			w.before()
			return both(p, newKey(), newKey(), w.signingIn(p, 1), w.signingIn(p, 1))
		},
		"one is there": func(p string) story {
			w.signedIn(w.before(), p, 1)
			return both(p, newKey(), newKey(), w.signingIn(p, 1), w.signingIn(p, 1))
		},
		"two anonymous sessions": func(p string) story {
			w.before()
			k1, k2 := w.anonymous(), w.anonymous()
			return both(p, k1, k2, w.again(k1, p, 1), w.again(k2, p, 1))
		},
		"again, and another": func(p string) story {
			key := w.signedIn(w.before(), p, 1)
			return both(p, key, newKey(), w.again(key, p, 1), w.signingIn(p, 1))
		},
		"again, twice": func(p string) story {
			key := w.signedIn(w.before(), p, 1)
			return both(p, key, key, w.again(key, p, 1), w.again(key, p, 1))
		},
	}
}

func TestOneSessionInEveryOrderOfTwoSignIns(t *testing.T) {
	w := newWorld(t)
	for name, tell := range w.signInStories() {
		t.Run(name, func(t *testing.T) {
			runs, err := w.explore(tell, fault{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d orders", runs)
		})
	}
}

func TestOneSignInIsRefusedInEveryOrderOfTwo(t *testing.T) {
	w := newWorld(t)
	runs, err := w.explore(func(p string) story {
		w.before()
		k1, k2 := newKey(), newKey()
		c1, c2 := w.signingIn(p, 1), w.signingIn(p, 1)
		c1.SignIn.Refuse, c2.SignIn.Refuse = true, true
		return story{
			calls: []func(*actor) error{signs(k1, c1), signs(k2, c2)},
			watch: w.bounded(p, 1),
			after: func(actors []*actor) error {
				first, second := actors[0].err, actors[1].err
				if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), session.ErrTooMany) {
					return fmt.Errorf("the calls returned %v", errorsOf(actors))
				}
				if n := len(w.entries(p)); n != 1 {
					return fmt.Errorf("%d entries", n)
				}
				return w.exactly(p, 1)(actors)
			},
		}
	}, fault{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d orders", runs)
}

// In every order of a revocation and sign-ins: what was there is no more, and
// what can be used was signed in under the new epoch.
func TestRevokeAllInEveryOrderWithASignIn(t *testing.T) {
	w := newWorld(t)
	runs, err := w.explore(w.revokedStory, fault{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d orders", runs)
}

func (w *world) revokedStory(p string) story {
	old := w.signedIn(w.before(), p, 0)
	key := newKey()
	return story{
		calls: []func(*actor) error{revokes(p, session.Revocation{}), signs(key, w.signingIn(p, 0))},
		after: func(actors []*actor) error {
			if err := actors[0].err; err != nil {
				return fmt.Errorf("revoke: %w", err)
			}
			if rec := w.record(old); rec == nil || rec.Gone != session.ReasonRevoked {
				return errors.New("the session that was there is no tombstone")
			}
			rec, acknowledged := w.record(key), actors[1].err == nil
			if usable := w.usable(p)[key]; usable && !acknowledged {
				return errors.New("a refused sign-in can be used")
			}
			if rec != nil && rec.Gone == "" && !w.usable(p)[key] {
				return errors.New("a session was left that the epoch refuses")
			}
			return nil
		},
	}
}

func TestTheExceptedSessionIsUsableInEveryOrder(t *testing.T) {
	w := newWorld(t)
	stories := map[string]func(kept session.Key, p string) func(*actor) error{
		"signed in again meanwhile": func(kept session.Key, p string) func(*actor) error { return signs(kept, w.again(kept, p, 0)) },
		"another signs in":          func(_ session.Key, p string) func(*actor) error { return signs(newKey(), w.signingIn(p, 0)) },
		"revoked so twice": func(kept session.Key, p string) func(*actor) error {
			return revokes(p, session.Revocation{Except: kept})
		},
		"listed meanwhile": func(_ session.Key, p string) func(*actor) error {
			return func(a *actor) error {
				_, err := a.ix.Sessions(context.Background(), p)
				return err
			}
		},
	}
	for name, other := range stories {
		t.Run(name, func(t *testing.T) {
			runs, err := w.explore(func(p string) story {
				ix := w.before()
				kept, ended := w.signedIn(ix, p, 0), w.signedIn(ix, p, 0)
				return story{
					calls: []func(*actor) error{revokes(p, session.Revocation{Except: kept}), other(kept, p)},
					watch: func() error {
						if !w.usable(p)[kept] {
							return errors.New("the excepted session cannot be used")
						}
						return nil
					},
					after: func(actors []*actor) error {
						if rec := w.record(ended); rec.Gone == "" {
							return errors.New("the other session is no tombstone")
						}
						return actors[0].err
					},
				}
			}, fault{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d orders", runs)
		})
	}
}

// exceptedStory is the first of those of
// TestTheExceptedSessionIsUsableInEveryOrder, for a fault to be planted.
func (w *world) exceptedStory(p string) story {
	kept := w.signedIn(w.before(), p, 0)
	return story{
		calls: []func(*actor) error{revokes(p, session.Revocation{Except: kept}), signs(kept, w.again(kept, p, 0))},
		after: func([]*actor) error {
			if !w.usable(p)[kept] {
				return errors.New("the excepted session cannot be used")
			}
			return nil
		},
	}
}

func TestARevokedSessionDoesNotComeBackInAnyOrderWithItsSignIn(t *testing.T) {
	w := newWorld(t)
	runs, err := w.explore(func(p string) story {
		key := w.signedIn(w.before(), p, 0)
		return story{
			calls: []func(*actor) error{revokes(p, session.Revocation{Only: key}), signs(key, w.again(key, p, 0))},
			after: func(actors []*actor) error {
				if rec := w.record(key); rec.Gone != session.ReasonRevoked || actors[0].err != nil {
					return fmt.Errorf("the session is no tombstone; the calls returned %v", errorsOf(actors))
				}
				return nil
			},
		}
	}, fault{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d orders", runs)
}

// Processes crash and answers are lost at any step; what is left is finished by
// the next call of another process.
func TestCrashesAndLostAnswersLeaveNothingThatTheNextCallDoesNotFinish(t *testing.T) {
	w := newWorld(t)
	if err := w.gamble(1500, w.crashStory, fault{}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) crashStory(p string) story {
	ix := w.before()
	kept, old := w.signedIn(ix, p, 2), w.signedIn(ix, p, 2)
	return story{
		calls: []func(*actor) error{
			signs(newKey(), w.signingIn(p, 2)),
			signs(newKey(), w.signingIn(p, 2)),
			revokes(p, session.Revocation{Only: old}),
			revokes(p, session.Revocation{Except: kept}),
		},
		faults: 3,
		watch:  w.bounded(p, 2),
		after: func([]*actor) error {
			return w.consistent(p)
		},
	}
}

package session_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// comparableRecord is rec without what the store or the load alone knows.
func comparableRecord(rec *session.Record) session.Record {
	c := *rec
	c.Writes, c.Now, c.Presented, c.Current = nil, time.Time{}, 0, false
	if len(c.Attributes) == 0 {
		c.Attributes = map[string][]byte{}
	}
	return c
}

// differs tells how what the request sees of its session differs from what the
// store has.
func differs(t *testing.T, store session.Store, s *session.Session) string {
	view, key, hashes := s.View()
	rec, err := store.Load(t.Context(), key, session.LoadOptions{Verifiers: hashes, Passive: true, Fresh: true})
	if err != nil {
		return err.Error()
	}
	if view.Accessed.IsZero() { // this load is the one that confirmed it
		view.Accessed = rec.Accessed
	}
	got, want := comparableRecord(view), comparableRecord(rec)
	if reflect.DeepEqual(got, want) {
		return ""
	}
	return fmt.Sprintf("\nsees %+v\n has %+v", got, want)
}

// What a request sees of its session after a commit is what a load would give.
func TestRequestSeesWhatItCommitted(t *testing.T) {
	shop := newShop()
	limit := session.NewAttribute[string]("role", session.Privileged())
	changes := map[string]func(*session.Session) error{
		"set":     func(s *session.Session) error { return shop.name.Set(s, "a") },
		"remove":  func(s *session.Session) error { return errors.Join(shop.name.Remove(s), shop.flash.Set(s, "x")) },
		"append":  func(s *session.Session) error { return shop.cart.Append(s, "tea", "milk") },
		"union":   func(s *session.Session) error { return errors.Join(shop.tags.Add(s, "x"), shop.tags.Remove(s, "y")) },
		"clear":   func(s *session.Session) error { return errors.Join(s.Clear(), shop.flash.Set(s, "b")) },
		"sign-in": func(s *session.Session) error { return errors.Join(s.SignIn("alice"), limit.Set(s, "clerk")) },
		"sign-in, remembered": func(s *session.Session) error {
			return s.SignInWith("alice", remember)
		},
		"sign-in, short": func(s *session.Session) error {
			return s.SignInWith("alice", session.SignInOptions{IdleTimeout: 90 * time.Second})
		},
		"sign-in, for ever": func(s *session.Session) error {
			return s.SignInWith("alice", session.SignInOptions{AbsoluteTimeout: -1})
		},
		"sign-in and clear":  func(s *session.Session) error { return errors.Join(s.Clear(), s.SignIn("alice")) },
		"sign-in of another": func(s *session.Session) error { return errors.Join(s.SignIn("bob"), shop.name.Set(s, "b")) },
		"renew":              func(s *session.Session) error { return errors.Join(s.Renew(), shop.name.Set(s, "r")) },
		"add":                func(s *session.Session) error { _, err := shop.hits.Add(t.Context(), s, 3); return err },
		"update": func(s *session.Session) error {
			_, err := shop.name.Update(t.Context(), s, func(old string, _ bool) (string, error) { return old + "+", nil })
			return err
		},
	}
	befores := map[string]func(*session.Session) error{
		"nothing": func(*session.Session) error { return nil },
		"attributes": func(s *session.Session) error {
			return errors.Join(shop.name.Set(s, "0"), shop.hits.Reset(s), shop.tags.Add(s, "y"))
		},
		"a sign-in": func(s *session.Session) error { return s.SignInWith("alice", remember) },
	}
	for beforeName, before := range befores {
		for name, change := range changes {
			for _, lost := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s after %s, reply lost %v", name, beforeName, lost), func(t *testing.T) {
					clock := sessiontest.NewClock()
					store := &faulty{Store: memstore.New(memstore.Options{Now: clock.Now})}
					m := newManager(t, store, session.Options{})
					cookie := within(t, m, "", func(s *session.Session) {
						if err := errors.Join(before(s), s.Commit(t.Context())); err != nil {
							t.Error(err)
						}
					})
					clock.Advance(time.Minute)
					if cookie != "" {
						within(t, m, cookie, func(s *session.Session) { s.Principal() }) // the cookie is back
						clock.Advance(4 * time.Minute)
					}
					within(t, m, cookie, func(s *session.Session) {
						if s.Started() != (cookie != "") {
							t.Fatal("the session is not there")
						}
						clock.Advance(time.Second)
						if lost {
							store.set(nil, loseReplies(1, func(session.Change) bool {
								clock.Advance(time.Second) // until the retry
								return true
							}))
						}
						if err := errors.Join(change(s), s.Commit(t.Context())); err != nil {
							t.Error(err)
						}
						if d := differs(t, store, s); d != "" && s.Started() {
							t.Error(d)
						}
						clock.Advance(time.Minute)
						if err := errors.Join(shop.flash.Set(s, "after"), s.Commit(t.Context())); err != nil {
							t.Error(err)
						}
						if d := differs(t, store, s); d != "" {
							t.Errorf("after another commit:%s", d)
						}
					})
				})
			}
		}
	}
}

// The same where the manager's clock was wrong, so that the limits of the change
// were moved on the way.
func TestRequestSeesTheLimitsThatWereMoved(t *testing.T) {
	store := memstore.New(memstore.Options{Now: func() time.Time { return time.Now().Add(3 * time.Hour) }})
	m := newManager(t, store, session.Options{})
	within(t, m, "", func(s *session.Session) {
		if err := errors.Join(s.SignIn("alice"), s.Commit(t.Context())); err != nil {
			t.Error(err)
		}
		if m.Stats().Late != 1 {
			t.Error("the clock was not wrong")
		}
		if d := differs(t, store, s); d != "" {
			t.Error(d)
		}
	})
}

// A comparison that never fails proves nothing.
func TestControlOfTheComparison(t *testing.T) {
	store := newStore()
	m := newManager(t, store, session.Options{})
	within(t, m, "", func(s *session.Session) {
		shop := newShop()
		if err := errors.Join(shop.name.Set(s, "a"), s.Commit(t.Context())); err != nil {
			t.Error(err)
		}
		_, key, hashes := s.View()
		rec, err := store.Load(t.Context(), key, session.LoadOptions{Verifiers: hashes})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Commit(t.Context(), key, session.Change{
			WriteID: "another", Base: rec.Version, Generation: 1, NotAfter: time.Now().Add(time.Minute), Clear: true,
		}); err != nil {
			t.Fatal(err)
		}
		if differs(t, store, s) == "" {
			t.Error("another request's write is no difference")
		}
	})
}

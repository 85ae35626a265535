package main

import (
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/probe"
)

// ownKey signs IDs; an instance that was started later than the first ones has
// a key of its own, and takes no other's.
type ownKey struct {
	shared
	key string
}

func signedWithOwnKey(name string, s shared) sessions {
	key := "first"
	if strings.HasPrefix(name, "spare") {
		key = "second"
	}
	return ownKey{s, "." + key}
}

func (s ownKey) principal(id string, active bool) (string, error) {
	bare, ok := strings.CutSuffix(id, s.key)
	if !ok {
		return "", probe.ErrAnonymous
	}
	return s.shared.principal(bare, active)
}

func (s ownKey) bare(id string) string { return strings.TrimSuffix(id, s.key) }

func (s ownKey) signIn(old, principal string) (string, error) {
	id, err := s.shared.signIn(s.bare(old), principal)
	return id + s.key, err
}

func (s ownKey) renew(id string) (string, error) {
	next, err := s.shared.renew(s.bare(id))
	return next + s.key, err
}

func (s ownKey) signOut(id string) error            { return s.shared.signOut(s.bare(id)) }
func (s ownKey) append(id, key, token string) error { return s.shared.append(s.bare(id), key, token) }
func (s ownKey) state(id string) (*content, error)  { return s.shared.state(s.bare(id)) }
func (s ownKey) increment(id string) (int64, error) { return s.shared.increment(s.bare(id)) }

// lateSignIn stores a session after it has answered the sign-in.
type lateSignIn struct{ shared }

func (s lateSignIn) signIn(old, principal string) (string, error) {
	id := rand.Text()
	time.AfterFunc(120*time.Millisecond, func() {
		_, _ = s.on(request{Op: "create", New: id, Previous: old, Key: principal})
	})
	return id, nil
}

// expiresEarly ends sessions long before the timeout that it promises.
type expiresEarly struct{ shared }

func (s expiresEarly) signIn(old, principal string) (string, error) {
	id, err := s.shared.signIn(old, principal)
	time.AfterFunc(time.Second, func() { _ = s.signOut(id) })
	return id, err
}

// streamsKeepAlive counts a stream as something that its user does.
type streamsKeepAlive struct{ shared }

func (s streamsKeepAlive) principal(id string, _ bool) (string, error) {
	go func() { // for as long as a stream may be open
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			_, _ = s.shared.principal(id, true)
		}
	}()
	return s.shared.principal(id, true)
}

// fixation keeps the ID that a sign-in presents.
type fixation struct{ shared }

func (s fixation) signIn(old, principal string) (string, error) {
	if old == "" {
		old = rand.Text()
	}
	_, err := s.on(request{Op: "create", New: old, Key: principal})
	return old, err
}

// oldIDKept has renewed IDs open the session for as long as it lives.
type oldIDKept struct{ shared }

func (s oldIDKept) renew(id string) (string, error) {
	next := rand.Text()
	_, err := s.on(request{Op: "rename", ID: id, New: next, Grace: -1})
	return next, err
}

// sameID renews a session by giving its ID again.
type sameID struct{ shared }

func (s sameID) renew(id string) (string, error) {
	_, err := s.shared.state(id)
	return id, err
}

// renewalGap deletes the old session a while before the new one can be known.
type renewalGap struct{ shared }

func (s renewalGap) renew(id string) (string, error) {
	next := rand.Text()
	_, err := s.on(request{Op: "rename", ID: id, New: next})
	time.Sleep(3 * work)
	return next, err
}

// dropsKey carries all attributes to the new ID but the largest.
type dropsKey struct{ shared }

func (s dropsKey) renew(id string) (string, error) {
	if _, err := s.on(request{Op: "forget", ID: id}); err != nil {
		return "", err
	}
	return s.shared.renew(id)
}

// renewalCopies makes a new session of a copy; what is written to the old one
// meanwhile stays there.
type renewalCopies struct{ shared }

func (s renewalCopies) renew(id string) (string, error) {
	c, err := s.on(request{Op: "get", ID: id})
	if err != nil {
		return "", err
	}
	time.Sleep(4 * work)
	next := rand.Text()
	if _, err := s.b.do(request{Op: "put", ID: next, Content: c, Create: true}); err != nil {
		return "", err
	}
	_, err = s.b.do(request{Op: "link", ID: id, New: next})
	return next, err
}

// clearsCookie signs out by taking the cookie away, and nothing else.
type clearsCookie struct{ shared }

func (clearsCookie) signOut(string) error { return nil }

// dropsNewest forgets the ID that a sign-out presents, not those before it.
type dropsNewest struct{ shared }

func (s dropsNewest) signOut(id string) error {
	_, err := s.b.do(request{Op: "drop", ID: id})
	return err
}

// logoutLate answers a sign-out before it is done.
type logoutLate struct{ shared }

func (s logoutLate) signOut(id string) error {
	time.AfterFunc(100*time.Millisecond, func() { _ = s.shared.signOut(id) })
	return nil
}

// sameCookie gives an ID to two people now and then.
type sameCookie struct {
	shared
	mu   sync.Mutex
	last string
	turn counter
}

func newSameCookie(_ string, s shared) sessions { return &sameCookie{shared: s} }

func (s *sameCookie) signIn(old, principal string) (string, error) {
	id, err := s.shared.signIn(old, principal)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != "" && s.turn.each(8) {
		return s.last, err
	}
	s.last = id
	return id, err
}

package memstore_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

func (s *site) signIn(key session.Key, in session.SignIn) error {
	_, err := s.store.Commit(s.t.Context(), key, session.Change{
		WriteID:  "start " + string(key),
		NotAfter: s.clock.Now().Add(time.Minute),
		Start:    &session.Start{Verifier: session.Hash{1}, Idle: time.Hour},
		SignIn:   &in,
	})
	return err
}

func (s *site) listed(principal, want string) {
	s.t.Helper()
	list, err := s.store.Sessions(s.t.Context(), principal)
	if err != nil {
		s.t.Fatal(err)
	}
	got := ""
	for _, l := range list {
		got += string(l.Key)
	}
	if got != want {
		s.t.Errorf("listed are %q, want %q", got, want)
	}
}

// Sign-ins of one instant are in the order in which they came.
func TestSignInsOfOneInstantAreInOrder(t *testing.T) {
	s := newSite(t, 0)
	want := ""
	for i := range 20 {
		key := string(rune('z' - i))
		if err := s.signIn(session.Key(key), session.SignIn{Principal: "alice"}); err != nil {
			t.Fatal(err)
		}
		want += key
	}
	s.listed("alice", want)
}

// A full store refuses a sign-in before it ends anybody's session for it.
func TestFullStoreEvictsNobodyOfThePrincipal(t *testing.T) {
	s := newSite(t, 2)
	for _, key := range []session.Key{"a", "b"} {
		if err := s.signIn(key, session.SignIn{Principal: "alice"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.signIn("c", session.SignIn{Principal: "alice", MaxSessions: 1}); !errors.Is(err, memstore.ErrFull) {
		t.Errorf("sign-in in a full store: %v", err)
	}
	s.listed("alice", "ab")
}

// What is kept of principals ends with their sessions.
func TestForgottenPrincipals(t *testing.T) {
	s := newSite(t, 0)
	for i := range 100 {
		if err := s.signIn(session.Key(fmt.Sprint(i)), session.SignIn{Principal: fmt.Sprint("user ", i), Device: "phone"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.store.Principals(); n != 100 {
		t.Errorf("%d principals, want 100", n)
	}
	for i := range 50 {
		if _, err := s.store.Revoke(t.Context(), fmt.Sprint("user ", i), session.Revocation{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.store.Principals(); n != 50 {
		t.Errorf("%d principals after half of them were revoked, want 50", n)
	}
	s.clock.Advance(session.UnconfirmedLife)
	s.listed("user 99", "")
	if n := s.store.Principals(); n != 0 {
		t.Errorf("%d principals after all have expired", n)
	}
}

func TestInspectionOfAnUnknownFormat(t *testing.T) {
	s := newSite(t, 0)
	if err := s.signIn("a", session.SignIn{Principal: "alice"}); err != nil {
		t.Fatal(err)
	}
	for _, format := range []int{session.Format + 1, 0, -1} {
		s.store.SetFormat("a", format)
		if rec, err := s.store.Inspect(t.Context(), "a"); rec != nil || !errors.Is(err, session.ErrFormat) {
			t.Errorf("format %d: %v, %v", format, rec, err)
		}
		if n, err := s.store.Revoke(t.Context(), "alice", session.Revocation{}); n != 0 || !errors.Is(err, session.ErrFormat) {
			t.Errorf("revocation of format %d: %d, %v", format, n, err)
		}
	}
}

// A load that is not fresh costs no copy of the attributes.
func TestLoadsShareWhatIsStored(t *testing.T) {
	s := newSite(t, 0)
	if err := s.start("a", time.Hour); err != nil {
		t.Fatal(err)
	}
	load := func(fresh bool) *session.Record {
		rec, err := s.store.Load(t.Context(), "a", session.LoadOptions{Verifiers: []session.Hash{{1}}, Fresh: fresh})
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	load(false)
	shared, again, own := load(false), load(false), load(true)
	if shared == again || &shared.Writes[0] != &again.Writes[0] {
		t.Error("two loads: want records of their own that share what they refer to")
	}
	if &own.Writes[0] == &shared.Writes[0] || !slices.EqualFunc(own.Writes, shared.Writes, func(a, b session.Write) bool { return a.ID == b.ID }) {
		t.Error("a fresh load is not the caller's own")
	}
}

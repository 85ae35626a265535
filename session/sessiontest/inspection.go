package sessiontest

import (
	"maps"

	"github.com/evenkeel/evenkeel/session"
)

var inspection = []Check{
	{Name: "inspect", Guarantee: "an operator sees a session, cannot open it, and does not keep it alive", NeedsInspector: true, Run: run(inspects)},
	{Name: "inspect-gone", Guarantee: "an operator tells a session that ended from one that never was", NeedsInspector: true, Run: run(inspectGone)},
	{Name: "inspect-copies", Guarantee: "who changes what an inspection returned changes no session", NeedsInspector: true, Run: run(inspectCopies)},
}

func (s *sess) tryInspect() (*session.Record, error) {
	return s.store.(session.Inspector).Inspect(s.ctx, s.key)
}

func (s *sess) inspect() *session.Record {
	rec, err := s.tryInspect()
	s.must(err, "inspection")
	equal(s.env, rec.Verifier, session.Hash{}, "verifier that is shown")
	for _, old := range rec.Superseded {
		equal(s.env, old.Verifier, session.Hash{}, "superseded verifier that is shown")
	}
	return rec
}

func inspects(e *env) {
	s := e.start(set("cart", "1 apple"), add("n", 3))
	equal(e, s.inspect().Accessed.IsZero(), true, "unconfirmed after an inspection")
	s.load()
	e.moment()
	s = s.renew().signIn("alice")
	want := s.load()
	s.with(newHash()).cannotLoad(session.ErrNotFound, "load by somebody else")
	e.moment()
	for range 2 {
		rec := s.inspect()
		equal(e, rec.Version, want.Version, "version")
		equal(e, rec.Principal, "alice", "principal")
		equal(e, rec.Generation, 3, "generation")
		equal(e, rec.Size, want.Size, "size")
		equal(e, rec.Accessed.UnixMilli(), want.Accessed.UnixMilli(), "accessed")
		equal(e, rec.Expires().UnixMilli(), want.Expires().UnixMilli(), "expires")
		equal(e, rec.Authenticated.UnixMilli(), want.Authenticated.UnixMilli(), "authenticated")
		if got := text(rec.Attributes); !maps.Equal(got, map[string]string{"cart": "1 apple", "n": "3"}) {
			e.failf("attributes: got %q", got)
		}
	}
	if e.h.Clock != nil {
		e.advance(idle)
		s.inspect()
		e.advance(idle / 5)
		_, err := s.tryInspect()
		e.is(err, session.ErrNotFound, "inspection after the session's life")
	}
}

func inspectGone(e *env) {
	s := &sess{env: e, key: newKey(), hash: newHash()}
	_, err := s.tryInspect()
	e.is(err, session.ErrNotFound, "inspection of none")
	s = e.start(set("cart", "1 apple"))
	s.commit(s.logoutChange(s.load(), session.ReasonSignOut), "logout")
	rec := s.inspect()
	equal(e, rec.Gone, session.ReasonSignOut, "reason")
	equal(e, len(rec.Attributes), 0, "attributes of a tombstone")
}

func inspectCopies(e *env) {
	s := e.start(set("cart", "1 apple"), set("gone", "no"))
	s.load()
	spoil(s.inspect())
	s.holds(map[string]string{"cart": "1 apple", "gone": "no"}, "after the inspection's copy was changed")
}

package sessiontest

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/session"
)

var revocation = []Check{
	{Name: "revoke", Guarantee: "a user can be signed out everywhere, and is told so", NeedsPrincipals: true, Run: run(revokes)},
	{Name: "revoke-only", Guarantee: "one session can be ended, by its own user", NeedsPrincipals: true, Run: run(revokeOnly)},
	{Name: "revoke-except", Guarantee: "all other sessions can be ended", NeedsPrincipals: true, Run: run(revokeExcept)},
	{Name: "revoke-reason", Guarantee: "the reason of a revocation is told", NeedsPrincipals: true, Run: run(revokeReason)},
	{Name: "revoke-malformed", Guarantee: "a revocation that contradicts itself ends nothing", NeedsPrincipals: true, Run: run(revokeMalformed)},
	{Name: "revoke-commits", Guarantee: "nothing in flight brings a revoked session back", NeedsPrincipals: true, Run: run(revokeCommits)},
	{Name: "revoke-sign-ins", Guarantee: "no login under way saves a session from its revocation", NeedsPrincipals: true, Run: run(revokeSignIns)},
}

// revoke is a revocation that succeeds and ends n sessions.
func (e *env) revoke(principal string, r session.Revocation, n int, what string) {
	got, err := e.store.(session.Principals).Revoke(e.ctx, principal, r)
	e.must(err, what)
	equal(e, got, n, what+", ended sessions")
}

func revokes(e *env) {
	alice := newPrincipal()
	all := []*sess{e.startAs(alice, 0), e.startAs(alice, 0), e.startAs(alice, 0)}
	anonymous, other := e.start(), e.startAs(newPrincipal(), 0)
	all[1].load()
	all[2] = all[2].renew()
	e.revoke(alice, session.Revocation{}, 3, "revocation of all")
	for _, s := range all {
		s.loadGone(session.ReasonRevoked, "load after it")
		s.with(newHash()).cannotLoad(session.ErrNotFound, "load by somebody else")
	}
	e.listedAre(alice, "after it")
	anonymous.load()
	other.load()
	e.revoke(alice, session.Revocation{}, 0, "second revocation")
	e.revoke(newPrincipal(), session.Revocation{}, 0, "revocation of nobody's sessions")

	again := e.startAs(alice, 0)
	equal(e, again.load().Principal, alice, "principal of a later sign-in")
	e.listedAre(alice, "after a later sign-in", again)
	anonymous.signIn(alice).load()
	equal(e, len(e.list(alice)), 2, "listed after another one")
}

func revokeOnly(e *env) {
	alice, bob := newPrincipal(), newPrincipal()
	a, b, c := e.startAs(alice, 0), e.startAs(alice, 0), e.startAs(bob, 0)
	e.revoke(alice, session.Revocation{Only: b.key}, 1, "revocation of one")
	b.loadGone(session.ReasonRevoked, "load of it")
	e.revoke(alice, session.Revocation{Only: c.key}, 0, "revocation of another user's")
	e.revoke(alice, session.Revocation{Only: newKey()}, 0, "revocation of none")
	e.revoke(alice, session.Revocation{Only: b.key}, 0, "second revocation")
	e.listedAre(alice, "after all", a)
	a.load()
	c.load()
}

func revokeExcept(e *env) {
	alice := newPrincipal()
	a, b, c := e.startAs(alice, 0), e.startAs(alice, 0), e.startAs(alice, 0)
	e.revoke(alice, session.Revocation{Except: b.key}, 2, "revocation of all but one")
	a.loadGone(session.ReasonRevoked, "load of one")
	c.loadGone(session.ReasonRevoked, "load of another one")
	e.listedAre(alice, "after it", b)
	b.apply(set("cart", "1 apple"))
	b.holds(map[string]string{"cart": "1 apple"}, "the one that stays")
	b = b.signIn(alice)
	e.listedAre(alice, "after it signed in again", b)
	e.revoke(alice, session.Revocation{Except: newKey()}, 1, "revocation of all but one that is not there")
	b.loadGone(session.ReasonRevoked, "load of the last one")
}

func revokeReason(e *env) {
	alice := newPrincipal()
	s := e.startAs(alice, 0)
	e.revoke(alice, session.Revocation{Reason: "closed"}, 1, "revocation for a reason of its own")
	s.loadGone("closed", "load")
}

func revokeMalformed(e *env) {
	alice := newPrincipal()
	a, b := e.startAs(alice, 0), e.startAs(alice, 0)
	_, err := e.store.(session.Principals).Revoke(e.ctx, alice, session.Revocation{Only: a.key, Except: b.key})
	e.is(err, session.ErrMalformed, "revocation of only one and of all but one")
	e.listedAre(alice, "after it", a, b)
}

func revokeCommits(e *env) {
	alice := newPrincipal()
	s := e.startAs(alice, 0)
	early := s.load()
	s = s.renew()
	rec := s.load()
	e.revoke(alice, session.Revocation{}, 1, "revocation")
	for what, c := range map[string]session.Change{
		"set":       e.change(rec, set("cart", "2 apples")),
		"older set": e.change(early, set("cart", "2 apples")),
		"renewal":   s.renewal(rec),
		"sign-in":   s.signInChange(rec, alice),
		"logout":    s.logoutChange(rec, session.ReasonSignOut),
	} {
		_, err := s.tryCommit(c)
		s.gone(err, session.ReasonRevoked, what)
		s.loadGone(session.ReasonRevoked, "load after "+what)
	}
	e.listedAre(alice, "after all")
}

// revokeSignIns revokes while the sessions sign in again and others start. A
// session that signed in before the call began must be gone after it, and one
// that started meanwhile is either gone or usable and listed.
func revokeSignIns(e *env) {
	alice := newPrincipal()
	const early = crowd / 2
	all := make([]*sess, crowd)
	for i := range early {
		all[i] = e.startAs(alice, 0)
	}
	var answered atomic.Bool
	var signedIn sync.WaitGroup // each early one, once more
	signedIn.Add(early)
	e.parallel(crowd+1, func(i int) {
		switch {
		case i == crowd:
			defer answered.Store(true)
			signedIn.Wait()
			_, err := e.store.(session.Principals).Revoke(e.ctx, alice, session.Revocation{})
			e.must(err, "revocation")
		case i >= early:
			signedIn.Wait()
			all[i] = &sess{env: e, key: newKey(), hash: newHash()}
			if _, err := all[i].tryCommit(e.startChangeAs(alice, all[i].hash, 0)); err != nil {
				all[i].gone(err, session.ReasonRevoked, "start with a sign-in") // ended before it was answered
				all[i] = nil                                                    // there may never have been one that its cookie opens
			}
		default:
			once := sync.OnceFunc(signedIn.Done)
			defer once()
			all[i] = all[i].signInUntilGone(alice, &answered, once)
		}
	})
	var usable []session.Key
	for i, s := range all {
		if s == nil {
			continue
		}
		if _, err := s.tryLoad(s.hash); err != nil || i < early {
			s.gone(err, session.ReasonRevoked, "load after all")
			continue
		}
		usable = append(usable, s.key)
	}
	for _, l := range e.list(alice) {
		if at := slices.Index(usable, l.Key); at >= 0 {
			usable = slices.Delete(usable, at, at+1)
		} else {
			e.failf("a session is listed that cannot be used")
		}
	}
	equal(e, len(usable), 0, "sessions that can be used and are not listed")
}

// signInUntilGone signs in again and again until the session is gone, which it
// is for every call that begins after the answer to its revocation. It returns
// the session with its last cookie.
func (s *sess) signInUntilGone(principal string, answered *atomic.Bool, each func()) *sess {
	for {
		after := answered.Load()
		rec, err := s.tryLoad(s.hash)
		if err == nil {
			c := s.signInChange(rec, principal)
			if _, err = s.tryCommit(c); err == nil {
				s = s.with(c.Renew.Verifier)
			}
		}
		each()
		if err != nil {
			s.gone(err, session.ReasonRevoked, "sign-in of a revoked session")
			return s
		}
		if after {
			s.failf("a sign-in worked in a session that had been revoked")
		}
	}
}

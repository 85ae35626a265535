package sessiontest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var principals = []Check{
	{Name: "listed", Guarantee: "a user sees each login, the oldest first, with what tells them apart", NeedsPrincipals: true, Run: run(listed)},
	{Name: "listed-exactly", Guarantee: "nobody sees another user's sessions", NeedsPrincipals: true, Run: run(listedExactly)},
	{Name: "listed-usable", Guarantee: "what has ended is not listed", NeedsPrincipals: true, Run: run(listedUsable)},
	{Name: "listed-expired", Guarantee: "what has expired is not listed", NeedsPrincipals: true, NeedsClock: true, Run: run(listedExpired)},
	{Name: "max", Guarantee: "a login beyond the bound ends the oldest one, which is told why", NeedsPrincipals: true, Run: run(maxEvicts)},
	{Name: "max-again", Guarantee: "a session that signs in again counts once, as the newest", NeedsPrincipals: true, Run: run(maxAgain)},
	{Name: "max-refuse", Guarantee: "a refused login leaves nothing behind", NeedsPrincipals: true, Run: run(maxRefuse)},
	{Name: "max-expired", Guarantee: "what has expired does not count", NeedsPrincipals: true, NeedsClock: true, Run: run(maxExpired)},
	{Name: "max-repeated", Guarantee: "a login that is sent twice ends others once", NeedsPrincipals: true, Run: run(maxRepeated)},
	{Name: "max-at-once", Guarantee: "logins at once do not exceed the bound", NeedsPrincipals: true, Run: run(maxAtOnce)},
}

// newPrincipal is somebody whom the store has never seen.
func newPrincipal() string { return "alice-" + newID() }

// directory is the store's ability, the peer's where it has it.
func (e *env) directory() session.Principals {
	if p, ok := e.peer.(session.Principals); ok {
		return p
	}
	return e.store.(session.Principals)
}

func (e *env) list(principal string) []session.Listed {
	list, err := e.directory().Sessions(e.ctx, principal)
	e.must(err, "list")
	return list
}

// listedAre ends the check if the principal's sessions are not these, in this
// order.
func (e *env) listedAre(principal, what string, want ...*sess) {
	var got, wanted []session.Key
	for _, l := range e.list(principal) {
		got = append(got, l.Key)
	}
	for _, s := range want {
		wanted = append(wanted, s.key)
	}
	if !slices.Equal(got, wanted) {
		e.failf("%s: listed are %q, want %q", what, got, wanted)
	}
}

// startChangeAs is the change that makes a session of the principal's.
func (e *env) startChangeAs(principal string, h session.Hash, most int) session.Change {
	c := e.startChange(h)
	c.SignIn = &session.SignIn{Principal: principal, MaxSessions: most}
	return c
}

// startAs makes a session of the principal's, later than those before.
func (e *env) startAs(principal string, most int) *sess {
	e.moment()
	s := &sess{env: e, key: newKey(), hash: newHash()}
	s.commit(e.startChangeAs(principal, s.hash, most), "start with a sign-in")
	return s
}

func (s *sess) loadGone(reason session.Reason, what string) {
	_, err := s.tryLoad(s.hash)
	s.gone(err, reason, what)
}

func listed(e *env) {
	alice := newPrincipal()
	e.listedAre(alice, "before any sign-in")
	first := &sess{env: e, key: newKey(), hash: newHash()}
	c := e.startChangeAs(alice, first.hash, 0)
	c.SignIn.Device, c.SignIn.Persistent = "Firefox on Linux", true
	first.commit(c, "start with a sign-in")
	e.moment()
	second := e.start(set("cart", "1 apple"))
	e.moment()
	c = second.signInChange(second.load(), alice)
	c.SignIn.Device = "Größenwahn/1.0 😀"
	second.commit(c, "sign-in")
	second = second.with(c.Renew.Verifier)
	third := e.startAs(alice, 0)
	e.startAs(newPrincipal(), 0)

	all := []*sess{first, second, third}
	e.listedAre(alice, "after three sign-ins", all...)
	devices := []string{"Firefox on Linux", "Größenwahn/1.0 😀", ""}
	for i, s := range all {
		rec := s.peek()
		got := e.list(alice)[i]
		equal(e, got.Device, devices[i], "device")
		equal(e, got.Persistent, rec.Persistent, "persistent")
		for what, pair := range map[string][2]time.Time{
			"created": {got.Created, rec.Created}, "signed in": {got.SignedIn, rec.Authenticated},
			"accessed": {got.Accessed, rec.Accessed}, "expires": {got.Expires, rec.Expires()},
		} {
			equal(e, pair[0].UnixMilli(), pair[1].UnixMilli(), what)
		}
	}
	second = second.renew()
	second.apply(set("cart", "2 apples"))
	e.listedAre(alice, "after a renewal and a write", all...)
	e.moment()
	c = first.signInChange(first.load(), alice)
	c.SignIn.Device = "another"
	first.commit(c, "the first one signs in again")
	e.listedAre(alice, "after the first one signed in again", second, third, first)
	equal(e, e.list(alice)[2].Device, "another", "device of the second sign-in")
}

func listedExactly(e *env) {
	base := newPrincipal()
	names := []string{base, "A" + base[1:], base + " ", base + "\x00", base + "*", base + ":i", base + "}", base[:len(base)-1]}
	var all []*sess
	for _, name := range names {
		all = append(all, e.startAs(name, 1))
	}
	for i, name := range names {
		e.listedAre(name, fmt.Sprintf("of %d", i), all[i])
	}
}

func listedUsable(e *env) {
	alice := newPrincipal()
	stays, leaves := e.startAs(alice, 0), e.startAs(alice, 0)
	leaves.commit(leaves.logoutChange(leaves.load(), session.ReasonSignOut), "logout")
	e.listedAre(alice, "after a logout", stays)
	stays.commit(stays.logoutChange(stays.load(), session.ReasonSignOut), "logout")
	e.listedAre(alice, "after the last logout")
}

func listedExpired(e *env) {
	alice := newPrincipal()
	e.startAs(alice, 0) // never confirmed
	confirmed := e.startAs(alice, 0)
	confirmed.load()
	e.advance(session.UnconfirmedLife + time.Second)
	e.listedAre(alice, "after one has expired", confirmed)
	e.advance(2 * idle)
	e.listedAre(alice, "after all have expired")
}

func maxEvicts(e *env) {
	alice := newPrincipal()
	a := e.startAs(alice, 0)
	e.moment()
	b := e.startAs(alice, 0)
	e.moment()
	c := e.startAs(alice, 0)
	e.moment()
	other := e.startAs(newPrincipal(), 1)
	d := e.startAs(alice, 3)
	e.moment()
	a.loadGone(session.ReasonEvicted, "the oldest of four")
	e.listedAre(alice, "three of four", b, c, d)
	fifth := e.start(set("cart", "1 apple"))
	change := fifth.signInChange(fifth.load(), alice)
	change.SignIn.MaxSessions = 2 // the bound has been lowered
	fifth.commit(change, "sign-in")
	fifth = fifth.with(change.Renew.Verifier)
	for _, s := range []*sess{b, c} {
		s.loadGone(session.ReasonEvicted, "an older one than two")
	}
	e.listedAre(alice, "two of five", d, fifth)
	fifth.holds(map[string]string{"cart": "1 apple"}, "the newest")
	for _, s := range []*sess{d, fifth, other} {
		s.load()
	}
}

func maxAgain(e *env) {
	alice := newPrincipal()
	again := func(s *sess) *sess {
		e.moment()
		change := s.signInChange(s.load(), alice)
		change.SignIn.MaxSessions = 2
		s.commit(change, "sign-in of one of two")
		return s.with(change.Renew.Verifier)
	}
	a, b := e.startAs(alice, 2), e.startAs(alice, 2)
	b = again(b)
	e.listedAre(alice, "after the second one signed in again", a, b)
	a = again(a)
	e.listedAre(alice, "after the first one signed in again", b, a)
	c := e.startAs(alice, 2)
	b.loadGone(session.ReasonEvicted, "the one that signed in first")
	e.listedAre(alice, "two of three", a, c)
}

func maxRefuse(e *env) {
	alice := newPrincipal()
	a := e.startAs(alice, 1)
	s := &sess{env: e, key: newKey(), hash: newHash()}
	start := e.startChangeAs(alice, s.hash, 1)
	start.SignIn.Refuse = true
	_, err := s.tryCommit(start)
	e.is(err, session.ErrTooMany, "start beyond the bound")
	s.cannotLoad(session.ErrNotFound, "the refused session")

	anonymous := e.start(set("cart", "1 apple"))
	change := anonymous.signInChange(anonymous.load(), alice, set("role", "admin"))
	change.SignIn.MaxSessions, change.SignIn.Refuse = 1, true
	anonymous.refused(change, session.ErrTooMany, "sign-in beyond the bound")
	anonymous.with(change.Renew.Verifier).cannotLoad(session.ErrNotFound, "the refused verifier")
	e.listedAre(alice, "after two refusals", a)
	a.load()

	a.commit(a.logoutChange(a.load(), session.ReasonSignOut), "logout")
	start.Retry = true
	s.commit(start, "the refused start, when there is room")
	e.listedAre(alice, "after it", s)
}

func maxExpired(e *env) {
	alice := newPrincipal()
	first := e.startAs(alice, 0)
	e.advance(session.UnconfirmedLife + time.Second)
	second := e.startAs(alice, 0)
	third := &sess{env: e, key: newKey(), hash: newHash()}
	c := e.startChangeAs(alice, third.hash, 2)
	c.SignIn.Refuse = true
	e.moment()
	third.commit(c, "start beside an expired one")
	e.listedAre(alice, "after all", second, third)
	first.cannotLoad(session.ErrNotFound, "the expired one")
}

func maxRepeated(e *env) {
	alice := newPrincipal()
	first := e.startAs(alice, 0)
	e.moment()
	second := &sess{env: e, key: newKey(), hash: newHash()}
	c := e.startChangeAs(alice, second.hash, 1)
	result := second.commit(c, "start")
	first.loadGone(session.ReasonEvicted, "the first one")
	third := e.startAs(alice, 0)
	c.Retry = true
	second.repeated(result, second.commit(c, "retry"), "retry")
	e.listedAre(alice, "after the retry", second, third)
}

func maxAtOnce(e *env) {
	const most = 3
	for _, refuse := range []bool{false, true} {
		alice := newPrincipal()
		var mu sync.Mutex
		var done []*sess
		e.parallel(crowd, func(int) {
			s := &sess{env: e, key: newKey(), hash: newHash()}
			c := e.startChangeAs(alice, s.hash, most)
			c.SignIn.Refuse = refuse
			_, err := s.tryCommit(c)
			switch {
			case err != nil && refuse:
				e.is(err, session.ErrTooMany, "one that is refused")
				return
			case err != nil: // it was ended before it was answered
				s.gone(err, session.ReasonEvicted, "one of the sign-ins")
				return
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, s)
		})
		usable := 0
		for _, s := range done {
			if _, err := s.tryLoad(s.hash); err != nil {
				s.gone(err, session.ReasonEvicted, "one that is not usable")
				continue
			}
			usable++
		}
		equal(e, usable, most, "usable sessions")
		equal(e, len(e.list(alice)), most, "listed sessions")
	}
}

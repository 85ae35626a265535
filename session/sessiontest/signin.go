package sessiontest

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var signIn = []Check{
	{Name: "sign-in", Guarantee: "after a login the old cookie opens nothing", Run: run(signsIn)},
	{Name: "sign-in-lasts", Guarantee: "a login says how long it lasts, and the session knows since when", Run: run(signInLasts)},
	{Name: "sign-in-closes-all", Guarantee: "a login closes cookies of earlier renewals too", Run: run(signInClosesAll)},
	{Name: "sign-in-fence", Guarantee: "a request from before a login touches nothing that the login set or removed", Run: run(signInFence)},
	{Name: "sign-in-fence-clear", Guarantee: "a login that cleared the session closes it to requests from before", Run: run(signInFenceClear)},
	{Name: "sign-in-fence-far", Guarantee: "a later renewal does not lift a login's fence", Run: run(signInFenceFar)},
	{Name: "sign-in-privileged", Guarantee: "a request from before a login touches nothing privileged", Run: run(signInPrivileged)},
	{Name: "sign-in-superseded", Guarantee: "a login of an outdated page does not count", Run: run(signInSuperseded)},
	{Name: "sign-in-logout", Guarantee: "an anonymous page's logout does not end the login after it", Run: run(signInLogout)},
	{Name: "sign-in-again", Guarantee: "a user may prove again who it is", Run: run(signInAgain)},
	{Name: "sign-in-repeated", Guarantee: "a login that is sent twice happens once", Run: run(signInRepeated)},
	{Name: "change-of-user", Guarantee: "no attribute crosses from one user to another", Run: run(changeOfUser)},
}

func (s *sess) signInChange(rec *session.Record, principal string, ops ...session.Op) session.Change {
	c := s.renewal(rec, ops...)
	c.SignIn = &session.SignIn{Principal: principal}
	return c
}

func (s *sess) signIn(principal string, ops ...session.Op) *sess {
	c := s.signInChange(s.load(), principal, ops...)
	equal(s.env, s.commit(c, "sign-in").Renewed, true, "sign-in renewed")
	return s.with(c.Renew.Verifier)
}

func signsIn(e *env) {
	old := e.start(set("cart", "1 apple"))
	limit := e.now().Add(5 * time.Hour)
	c := old.signInChange(old.load(), "alice", set("role", "admin"))
	c.SignIn.Absolute = limit
	_, able := e.store.(session.Principals)
	if !able { // others keep an epoch of their own
		c.SignIn.Epoch = 3
	}
	equal(e, old.commit(c, "sign-in").Renewed, true, "renewed")
	old.cannotLoad(session.ErrSuperseded, "old verifier after the sign-in")
	s := old.with(c.Renew.Verifier)
	rec := s.load()
	equal(e, rec.Principal, "alice", "principal")
	if !able {
		equal(e, rec.Epoch, 3, "epoch")
	}
	equal(e, rec.Absolute.UnixMilli(), limit.UnixMilli(), "absolute limit")
	equal(e, rec.Generation, 2, "generation")
	s.holds(map[string]string{"cart": "1 apple", "role": "admin"}, "after the sign-in")
	old.cannotLoad(session.ErrSuperseded, "old verifier after a load with the new one")
}

func signInLasts(e *env) {
	s := e.start()
	rec := s.load()
	equal(e, rec.Authenticated.IsZero() && !rec.Persistent, true, "nobody has signed in")
	c := s.signInChange(rec, "alice")
	c.SignIn.Idle, c.SignIn.Persistent = 3*idle, true
	at := s.commit(c, "sign-in that is remembered").Now
	s = s.with(c.Renew.Verifier)
	e.moment()
	s = s.renew()
	s.apply(set("cart", "1 apple"))
	rec = s.load()
	equal(e, rec.Idle, 3*idle, "idle timeout")
	equal(e, rec.Persistent, true, "persistent")
	equal(e, rec.Authenticated.UnixMilli(), at.UnixMilli(), "authenticated, after a renewal and a write")

	c = s.signInChange(rec, "alice")
	at = s.commit(c, "sign-in again").Now
	s = s.with(c.Renew.Verifier)
	rec = s.load()
	equal(e, rec.Idle, 3*idle, "idle timeout after a sign-in without one")
	equal(e, rec.Persistent, false, "persistent after a sign-in that is not")
	equal(e, rec.Authenticated.UnixMilli(), at.UnixMilli(), "authenticated, after the second sign-in")
}

func signInClosesAll(e *env) {
	first := e.start()
	second := first.renew()
	third := second.renew()
	first.load()
	third.signIn("alice")
	for what, s := range map[string]*sess{"first": first, "second": second, "third": third} {
		s.cannotLoad(session.ErrSuperseded, what+" verifier after the sign-in")
	}
}

func signInFence(e *env) {
	s := e.start(set("role", "guest"), set("coupon", "X"), set("theme", "dark"), merge(session.OpUnion, "groups", "guests"))
	early := s.load()
	s = s.signIn("alice", set("role", "admin"), remove("coupon"), merge(session.OpUnion, "groups", "staff"), add("logins", 1))
	equal(e, fmt.Sprintf("%q", s.load().Superseded[0].Fenced), `["coupon" "groups" "logins" "role"]`, "fenced attributes")
	for what, op := range map[string]session.Op{
		"set of an attribute that was set":         set("role", "guest"),
		"removal of an attribute that was set":     remove("role"),
		"set of an attribute that was removed":     set("coupon", "X"),
		"merge of an attribute that was merged":    merge(session.OpDiff, "groups", "staff"),
		"add to a counter that was added to":       add("logins", 1),
		"removal of an attribute that was removed": remove("coupon"),
	} {
		s.refused(e.change(early, set("theme", "light"), op), session.ErrSuperseded, what)
	}
	c := e.change(early)
	c.Clear = true
	s.refused(c, session.ErrSuperseded, "clear")
	s.commit(e.change(early, set("theme", "light"), set("seen", "1")), "commit of what the sign-in left alone")
	s.holds(map[string]string{"role": "admin", "theme": "light", "seen": "1", "groups": encoded("guests", "staff"), "logins": "1"}, "after all")
	s.apply(set("role", "guest"))
}

func signInFenceClear(e *env) {
	s := e.start(set("cart", "1 apple"))
	early := s.load()
	c := s.signInChange(early, "alice", set("role", "admin"))
	c.Clear = true
	s.commit(c, "sign-in with a clear")
	s = s.with(c.Renew.Verifier)
	s.refused(e.change(early, set("cart", "2 apples")), session.ErrSuperseded, "set of a cleared attribute")
	s.refused(e.change(early, set("other", "x")), session.ErrSuperseded, "set of any attribute")
	s.holds(map[string]string{"role": "admin"}, "after all")
}

func signInFenceFar(e *env) {
	s := e.start()
	early := s.load()
	s = s.renew().signIn("alice", set("role", "admin"))
	between := s.load()
	s = s.renew()
	s.refused(e.change(early, set("role", "guest")), session.ErrSuperseded, "commit from before the sign-in, two renewals around it")
	s.commit(e.change(early, set("theme", "light")), "unfenced commit from before the sign-in")
	s.commit(e.change(between, set("role", "staff")), "commit from after the sign-in")
}

func signInPrivileged(e *env) {
	s := e.start()
	early := s.load()
	s = s.signIn("alice")
	grant := set("role", "admin")
	grant.Privileged = true
	s.refused(e.change(early, set("theme", "light"), grant), session.ErrSuperseded, "privileged set")
	drop := remove("role")
	drop.Privileged = true
	s.refused(e.change(early, drop), session.ErrSuperseded, "privileged removal")
	s.apply(grant)

	other := e.start()
	early = other.load()
	other = other.renew()
	other.commit(e.change(early, grant), "privileged set over a periodic renewal")
}

func signInSuperseded(e *env) {
	s := e.start()
	early := s.load()
	s = s.renew()
	s.refused(s.signInChange(early, "mallory", set("role", "admin")), session.ErrSuperseded, "sign-in from before a renewal")
	s = s.signIn("alice")
	s.refused(s.signInChange(early, "alice"), session.ErrSuperseded, "sign-in from before a sign-in")
}

func signInLogout(e *env) {
	s := e.start()
	early := s.load()
	s = s.signIn("alice")
	c := e.change(early)
	c.Invalidate = session.ReasonSignOut
	s.refused(c, session.ErrSuperseded, "logout from before the sign-in")

	// A periodic renewal changes nobody: the logout counts.
	early = s.load()
	s = s.renew()
	c = e.change(early)
	c.Invalidate = session.ReasonSignOut
	s.commit(c, "logout from before a renewal")
	_, err := s.tryLoad(s.hash)
	s.gone(err, session.ReasonSignOut, "load after it")
}

func signInAgain(e *env) {
	s := e.start().signIn("alice", set("role", "user"))
	old := s
	s = s.signIn("alice", set("role", "admin"))
	old.cannotLoad(session.ErrSuperseded, "verifier from before")
	equal(e, s.load().Principal, "alice", "principal")
	s.holds(map[string]string{"role": "admin"}, "after the second sign-in")
}

func signInRepeated(e *env) {
	s := e.start()
	c := s.signInChange(s.load(), "alice", add("logins", 1))
	first := s.commit(c, "sign-in")
	c.Retry = true
	s.repeated(first, s.commit(c, "retry"), "retry")
	s = s.with(c.Renew.Verifier)
	equal(e, s.load().Generation, 2, "generation")
	s.holds(map[string]string{"logins": "1"}, "after the retry")
}

func changeOfUser(e *env) {
	s := e.start().signIn("alice", set("iban", "DE02"))
	s.refused(s.signInChange(s.load(), "bob"), session.ErrPrincipal, "sign-in of another user")
	c := s.signInChange(s.load(), "bob")
	c.Clear = true
	s.refused(c, session.ErrPrincipal, "sign-in of another user with a clear")
	equal(e, s.load().Principal, "alice", "principal")
	s.holds(map[string]string{"iban": "DE02"}, "after all")
}

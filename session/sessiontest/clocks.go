package sessiontest

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var clocks = []Check{
	{Name: "clock-back-versions", Guarantee: "versions grow even if the clock steps back", NeedsClock: true, Run: run(clockBackVersions)},
	{Name: "clock-back-accessed", Guarantee: "no session ends early because the clock stepped back", NeedsClock: true, Run: run(clockBackAccessed)},
	{Name: "clock-back-windows", Guarantee: "a clock that steps back opens no cookie and no window again", NeedsClock: true, Run: run(clockBackWindows)},
	{Name: "clock-back-tombstone", Guarantee: "a clock that steps back brings no session back", NeedsClock: true, Run: run(clockBackTombstone)},
}

func clockBackVersions(e *env) {
	s := e.start()
	last := s.apply(add("n", 1)).Version.N
	e.advance(-10 * time.Minute)
	for range 3 {
		if n := s.apply(add("n", 1)).Version.N; n <= last {
			e.failf("version: got %d after %d", n, last)
		} else {
			last = n
		}
	}
	c := s.logoutChange(s.load(), session.ReasonSignOut)
	if n := s.commit(c, "logout").Version.N; n <= last {
		e.failf("version of the tombstone: got %d after %d", n, last)
	}
}

func clockBackAccessed(e *env) {
	s := e.start()
	at := s.load().Accessed
	e.advance(-20 * time.Minute)
	equal(e, s.load().Accessed.UnixMilli(), at.UnixMilli(), "accessed after a load")
	s.apply(set("a", "1"))
	equal(e, s.load().Accessed.UnixMilli(), at.UnixMilli(), "accessed after a commit")
	e.advance(20*time.Minute + idle)
	s.load()
}

func clockBackWindows(e *env) {
	old := e.start()
	early := old.load()
	s := old.renew()
	s.load() // the old cookie has 10 s from here
	e.advance(-time.Second)
	old.cannotLoad(session.ErrSuperseded, "old verifier before its window began")
	s.refused(e.change(early, set("a", "1")), session.ErrSuperseded, "commit before its window began")

	// A window that a write has seen closed stays closed.
	old, early = s, s.load()
	s = s.renew()
	s.load()
	e.advance(session.RenewalGrace)
	s.apply(set("a", "1"))
	e.advance(-session.RenewalGrace / 2)
	old.cannotLoad(session.ErrSuperseded, "old verifier after its window had closed")
	s.refused(e.change(early, set("a", "1")), session.ErrSuperseded, "commit after its window had closed")
}

func clockBackTombstone(e *env) {
	s := e.start()
	rec := s.load()
	e.advance(10 * time.Minute)
	s.commit(s.logoutChange(s.load(), session.ReasonSignOut), "logout")
	e.advance(-20 * time.Minute)
	_, err := s.tryLoad(s.hash)
	s.gone(err, session.ReasonSignOut, "load")
	_, err = s.tryCommit(e.change(rec, set("a", "1")))
	s.gone(err, session.ReasonSignOut, "commit")
	_, err = s.tryCommit(e.startChange(s.hash))
	e.is(err, session.ErrExists, "start")
}

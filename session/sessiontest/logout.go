package sessiontest

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var logout = []Check{
	{Name: "logout", Guarantee: "a logout is final for reads, and says why", Run: run(logsOut)},
	{Name: "logout-commits", Guarantee: "nothing in flight brings a session back", Run: run(logoutCommits)},
	{Name: "logout-repeated", Guarantee: "a logout that is sent twice happens once", Run: run(logoutRepeated)},
	{Name: "logout-retries", Guarantee: "what was written before a logout can still be asked", Run: run(logoutRetries)},
	{Name: "tombstone-life", Guarantee: "a tombstone outlives every request in flight", NeedsClock: true, Run: run(tombstoneLife)},
}

func (s *sess) logoutChange(rec *session.Record, reason session.Reason) session.Change {
	c := s.change(rec)
	c.Invalidate = reason
	return c
}

func logsOut(e *env) {
	for _, reason := range []session.Reason{session.ReasonSignOut, session.ReasonEvicted, session.ReasonRevoked, session.ReasonExpired} {
		old := e.start(set("cart", "1 apple"))
		s := old.renew()
		s.commit(s.logoutChange(s.load(), reason), "logout")
		rec, err := s.tryLoad(s.hash)
		s.gone(err, reason, "load")
		equal(e, rec == nil, true, "no record")
		_, err = s.tryLoad(old.hash)
		s.gone(err, reason, "load with an older verifier")
		_, err = s.tryLoad(newHash(), s.hash)
		s.gone(err, reason, "load with a second verifier")
		s.with(newHash()).cannotLoad(session.ErrNotFound, "load by somebody else")
	}
}

func logoutCommits(e *env) {
	s := e.start(set("cart", "1 apple"))
	early := s.load()
	s = s.renew()
	rec := s.load()
	s.commit(s.logoutChange(rec, session.ReasonSignOut), "logout")
	for what, c := range map[string]session.Change{
		"set":              e.change(rec, set("cart", "2 apples")),
		"nothing":          e.change(rec),
		"older set":        e.change(early, set("cart", "2 apples")),
		"renewal":          s.renewal(rec),
		"sign-in":          s.signInChange(rec, "alice"),
		"second logout":    s.logoutChange(rec, session.ReasonRevoked),
		"retry from later": func() session.Change { c := e.change(rec, add("n", 1)); c.Retry = true; return c }(),
	} {
		_, err := s.tryCommit(c)
		s.gone(err, session.ReasonSignOut, what)
		_, err = s.tryLoad(s.hash)
		s.gone(err, session.ReasonSignOut, "load after "+what)
	}
}

func logoutRepeated(e *env) {
	s := e.start()
	c := s.logoutChange(s.load(), session.ReasonSignOut)
	first := s.commit(c, "logout")
	equal(e, first.Repeated, false, "first one repeated")
	c.Retry = true
	s.repeated(first, s.commit(c, "retry"), "retry")
}

func logoutRetries(e *env) {
	s := e.start()
	write := e.change(s.load(), add("n", 1))
	first := s.commit(write, "write")
	s.commit(s.logoutChange(s.load(), session.ReasonSignOut), "logout")
	write.Retry = true
	s.repeated(first, s.commit(write, "retry of the write"), "retry of the write")
	_, err := s.tryLoad(s.hash)
	s.gone(err, session.ReasonSignOut, "load")
}

func tombstoneLife(e *env) {
	for timeout, life := range map[time.Duration]time.Duration{
		time.Second: time.Minute, idle: idle, 1000 * time.Hour: session.TombstoneLife,
	} {
		s := &sess{env: e, key: newKey(), hash: newHash()}
		c := e.startChange(s.hash)
		c.Start.Idle = timeout
		s.commit(c, "start")
		s.commit(s.logoutChange(s.load(), session.ReasonSignOut), "logout")
		e.advance(life - time.Second)
		_, err := s.tryLoad(s.hash)
		s.gone(err, session.ReasonSignOut, "load a second before the tombstone's end")
		_, err = s.tryCommit(e.startChange(newHash()))
		e.is(err, session.ErrExists, "start a second before the tombstone's end")
		e.advance(2 * time.Second)
		s.cannotLoad(session.ErrNotFound, "load after the tombstone's end")
	}
}

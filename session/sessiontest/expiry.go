package sessiontest

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var expiry = []Check{
	{Name: "idle", Guarantee: "a session lives its idle timeout, and at most 1.1 times it", NeedsClock: true, Run: run(idleTimeout)},
	{Name: "idle-commits", Guarantee: "an expired session takes no commits, also if nobody looked", NeedsClock: true, Run: run(idleCommits)},
	{Name: "idle-start", Guarantee: "an expired session is absent, also for a start", NeedsClock: true, Run: run(idleStart)},
	{Name: "touch", Guarantee: "an active session stays alive, at few writes", NeedsClock: true, Run: run(touch)},
	{Name: "touch-commit", Guarantee: "a commit is an access", NeedsClock: true, Run: run(touchCommit)},
	{Name: "passive", Guarantee: "polling keeps nobody signed in", NeedsClock: true, Run: run(passive)},
	{Name: "unconfirmed", Guarantee: "a session whose cookie never came back ends within two minutes", NeedsClock: true, Run: run(unconfirmed)},
	{Name: "confirmed", Guarantee: "a cookie that comes back once confirms the session", NeedsClock: true, Run: run(confirmed)},
	{Name: "absolute", Guarantee: "nothing but a sign-in moves the absolute limit", NeedsClock: true, Run: run(absolute)},
}

const maxIdle = idle + idle/10

func idleTimeout(e *env) {
	s := e.start()
	s.load()
	e.advance(idle/10 - time.Millisecond)
	s.load() // not recorded yet, and still it counts
	e.advance(idle)
	s.load()
	e.advance(maxIdle - time.Millisecond)
	s.peek()
	e.advance(time.Millisecond)
	s.cannotLoad(session.ErrNotFound, "load after 1.1 times the idle timeout")
}

func idleCommits(e *env) {
	for what, spoil := range map[string]func(*sess, *session.Change){
		"set":    func(_ *sess, c *session.Change) { c.Ops = []session.Op{set("a", "1")} },
		"renew":  func(_ *sess, c *session.Change) { c.Renew = &session.Renew{Verifier: newHash()} },
		"logout": func(_ *sess, c *session.Change) { c.Invalidate = session.ReasonSignOut },
	} {
		s := e.start()
		rec := s.load()
		e.advance(maxIdle)
		c := e.change(rec)
		spoil(s, &c)
		_, err := s.tryCommit(c)
		e.is(err, session.ErrNotFound, what+" on an expired session")
		s.cannotLoad(session.ErrNotFound, "load after "+what)
	}
}

func idleStart(e *env) {
	s := e.start(set("cart", "1 apple"))
	s.load()
	e.advance(maxIdle)
	again := s.with(newHash())
	again.commit(e.startChange(again.hash, set("lang", "de")), "start on the key of an expired session")
	again.holds(map[string]string{"lang": "de"}, "after the start")
	equal(e, again.load().Generation, 1, "generation")
	s.cannotLoad(session.ErrNotFound, "load with the expired session's verifier")
}

func touch(e *env) {
	s := e.start()
	confirmed := s.load()
	e.advance(idle/10 - time.Millisecond)
	equal(e, s.load().Accessed.UnixMilli(), confirmed.Accessed.UnixMilli(), "accessed, less than 10 % later")
	e.advance(time.Millisecond)
	touched := s.load()
	equal(e, touched.Accessed.UnixMilli(), e.now().UnixMilli(), "accessed, 10 % later")
	equal(e, touched.Version, confirmed.Version, "version of a touched record")
	equal(e, len(touched.Writes), len(confirmed.Writes), "writes of a touched record")
	for range 10 {
		e.advance(idle - time.Second)
		s.load()
	}
	before := s.load()
	s.commit(e.change(confirmed, set("a", "1")), "commit of a request that loaded long ago")
	equal(e, before.Version, confirmed.Version, "version after many touches")
}

func touchCommit(e *env) {
	s := e.start()
	rec := s.load()
	e.advance(time.Minute)
	s.commit(e.change(rec, set("a", "1")), "commit")
	equal(e, s.peek().Accessed.UnixMilli(), e.now().UnixMilli(), "accessed")
	e.advance(time.Minute)
	c := e.change(rec, set("a", "2"))
	c.Passive = true
	s.commit(c, "passive commit")
	equal(e, s.peek().Accessed.UnixMilli(), e.now().Add(-time.Minute).UnixMilli(), "accessed after a passive commit")
}

func passive(e *env) {
	s := e.start()
	s.load()
	for range 10 {
		e.advance(maxIdle / 10)
		if _, err := s.peer.Load(e.ctx, s.key, session.LoadOptions{Verifiers: []session.Hash{s.hash}, Passive: true}); err != nil {
			e.is(err, session.ErrNotFound, "passive load")
			break
		}
		c := e.change(&session.Record{Generation: 1}, set("a", "1"))
		c.Passive = true
		s.commit(c, "passive commit")
	}
	e.advance(time.Millisecond)
	s.cannotLoad(session.ErrNotFound, "load after 1.1 times the idle timeout with nothing but polling")
}

func unconfirmed(e *env) {
	for timeout, life := range map[time.Duration]time.Duration{idle: session.UnconfirmedLife, time.Minute: 66 * time.Second} {
		for _, kept := range []bool{true, false} {
			s := &sess{env: e, key: newKey(), hash: newHash()}
			c := e.startChange(s.hash)
			c.Start.Idle = timeout
			s.commit(c, "start")
			e.advance(life - time.Second)
			// A commit of the request that started it does not prove that the
			// cookie has arrived.
			s.commit(e.change(&session.Record{Generation: 1}, set("a", "1")), "commit of the first request")
			if kept {
				s.load()
			}
			e.advance(2 * time.Second)
			if kept {
				s.load()
			} else {
				s.cannotLoad(session.ErrNotFound, "load of a session that was not confirmed in time")
			}
		}
	}
}

func confirmed(e *env) {
	s := e.start()
	e.advance(time.Minute)
	equal(e, s.peek().Accessed.UnixMilli(), e.now().UnixMilli(), "accessed after the first load, a passive one")
	e.advance(session.UnconfirmedLife)
	s.load()
	e.advance(idle)
	s.load()
}

func absolute(e *env) {
	s := &sess{env: e, key: newKey(), hash: newHash()}
	c := e.startChange(s.hash)
	limit := e.now().Add(2 * time.Hour)
	c.Start.Absolute = limit
	s.commit(c, "start")
	for range 7 {
		s.apply(add("n", 1))
		s = s.renew()
		e.advance(15 * time.Minute)
	}
	equal(e, s.load().Absolute.UnixMilli(), limit.UnixMilli(), "absolute limit after loads, commits and renewals")
	e.advance(15*time.Minute - time.Millisecond)
	s.load()
	moved := s.signInChange(s.load(), "alice")
	moved.SignIn.Absolute = limit.Add(time.Hour)
	s.commit(moved, "sign-in")
	s = s.with(moved.Renew.Verifier)
	e.advance(20 * time.Minute)
	s.load()
	e.advance(20 * time.Minute)
	s.load()
	e.advance(20 * time.Minute)
	s.load()
	e.advance(time.Millisecond)
	s.cannotLoad(session.ErrNotFound, "load at the absolute limit")
}

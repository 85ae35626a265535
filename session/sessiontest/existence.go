package sessiontest

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var existence = []Check{
	{Name: "start-then-load", Guarantee: "a session is there from the answer that started it", Run: run(startThenLoad)},
	{Name: "absent", Guarantee: "only a start creates a session", Run: run(absent)},
	{Name: "start-repeated", Guarantee: "a start that is sent twice makes one session", Run: run(startRepeated)},
	{Name: "start-foreign", Guarantee: "a start never takes over somebody's session", Run: run(startForeign)},
	{Name: "start-signed-in", Guarantee: "a session may begin with a sign-in", Run: run(startSignedIn)},
	{Name: "key-opens-nothing", Guarantee: "who knows only the name of a session has nothing", Run: run(keyOpensNothing)},
	{Name: "two-verifiers", Guarantee: "after a renewal of unknown outcome the browser may present both", Run: run(twoVerifiers)},
	{Name: "versions", Guarantee: "versions order the states of a session", Run: run(versions)},
	{Name: "read-your-writes", Guarantee: "an acknowledged write is seen by every later load", Run: run(readYourWrites)},
}

func startThenLoad(e *env) {
	s := &sess{env: e, key: newKey(), hash: newHash()}
	c := e.startChange(s.hash, set("cart", "1 apple"), set("empty", ""))
	before := e.now().Add(-time.Second)
	c.Start.Absolute = before.Add(12 * time.Hour)
	result := s.commit(c, "start")
	equal(e, result.Generation, 1, "generation of the result")
	equal(e, result.Version.Write, c.WriteID, "write of the version")
	equal(e, len(result.Values), 2, "values of the result")
	equal(e, result.Repeated || result.Renewed, false, "repeated or renewed")

	rec := s.load()
	s.holds(map[string]string{"cart": "1 apple", "empty": ""}, "attributes")
	equal(e, rec.Format, session.Format, "format")
	equal(e, rec.Version, result.Version, "version")
	equal(e, rec.Generation, 1, "generation")
	equal(e, rec.Verifier, s.hash, "verifier")
	equal(e, rec.Current, true, "current")
	equal(e, rec.Presented, 0, "presented")
	equal(e, rec.Idle, idle, "idle timeout")
	equal(e, rec.Absolute.UnixMilli(), c.Start.Absolute.UnixMilli(), "absolute limit")
	equal(e, rec.Size, len("cart")+len("1 apple")+len("empty"), "size")
	equal(e, rec.Principal, "", "principal")
	for what, at := range map[string]time.Time{"created": rec.Created, "accessed": rec.Accessed, "now": rec.Now, "now of the result": result.Now} {
		if at.Before(before) || at.After(e.now().Add(time.Second)) {
			e.failf("%s: got %v at %v", what, at, e.now())
		}
	}
}

func absent(e *env) {
	s := &sess{env: e, key: newKey(), hash: newHash()}
	_, err := s.tryLoad(s.hash)
	e.is(err, session.ErrNotFound, "load")
	loaded := &session.Record{Generation: 1, Version: session.Version{N: 1, Write: newID()}}
	for what, c := range map[string]session.Change{
		"set":        {Ops: []session.Op{set("cart", "1 apple")}},
		"clear":      {Clear: true, Ops: []session.Op{set("cart", "1 apple")}},
		"retry":      {Retry: true, Ops: []session.Op{set("cart", "1 apple")}},
		"renew":      {Renew: &session.Renew{Verifier: s.hash}},
		"sign-in":    {SignIn: &session.SignIn{Principal: "alice"}, Renew: &session.Renew{Verifier: s.hash}},
		"invalidate": {Invalidate: session.ReasonSignOut},
	} {
		base := e.change(loaded)
		c.WriteID, c.Base, c.Generation, c.NotAfter = base.WriteID, base.Base, base.Generation, base.NotAfter
		_, err := s.tryCommit(c)
		e.is(err, session.ErrNotFound, what)
		_, err = s.tryLoad(s.hash)
		e.is(err, session.ErrNotFound, "load after "+what)
	}
	s.commit(e.startChange(s.hash), "start after all these")
}

func startRepeated(e *env) {
	s := &sess{env: e, key: newKey(), hash: newHash()}
	c := e.startChange(s.hash, add("visits", 1))
	first := s.commit(c, "start")
	c.Retry = true
	s.repeated(first, s.commit(c, "start again"), "start again")
	s.apply(set("cart", "1 apple"))
	s.repeated(first, s.commit(c, "start once more"), "start after another write")
	s.holds(map[string]string{"visits": "1", "cart": "1 apple"}, "after repeated starts")
}

func startForeign(e *env) {
	s := e.start(set("cart", "1 apple"))
	s.refused(e.startChange(newHash(), set("cart", "none")), session.ErrExists, "start of a foreign key")
	s.commit(func() session.Change {
		c := e.change(s.load())
		c.Invalidate = session.ReasonSignOut
		return c
	}(), "logout")
	_, err := s.tryCommit(e.startChange(newHash()))
	e.is(err, session.ErrExists, "start on a tombstone")
	_, err = s.tryLoad(s.hash)
	s.gone(err, session.ReasonSignOut, "load after that")
}

func startSignedIn(e *env) {
	s := &sess{env: e, key: newKey(), hash: newHash()}
	c := e.startChange(s.hash, set("role", "admin"))
	limit := e.now().Add(8 * time.Hour)
	c.SignIn = &session.SignIn{Principal: "alice", Epoch: 7, Absolute: limit}
	s.commit(c, "start with a sign-in")
	rec := s.load()
	equal(e, rec.Principal, "alice", "principal")
	if _, able := e.store.(session.Principals); !able { // others keep an epoch of their own
		equal(e, rec.Epoch, 7, "epoch")
	}
	equal(e, rec.Generation, 1, "generation")
	equal(e, rec.Absolute.UnixMilli(), limit.UnixMilli(), "absolute limit")
}

func keyOpensNothing(e *env) {
	s := e.start(set("cart", "1 apple"))
	other := e.start()
	for what, hashes := range map[string][]session.Hash{
		"no verifier": nil, "a zero verifier": {{}}, "another one": {newHash()}, "another session's": {other.hash, newHash()},
	} {
		rec, err := s.tryLoad(hashes...)
		e.is(err, session.ErrNotFound, "load with "+what)
		equal(e, rec == nil, true, "no record with "+what)
	}
}

func twoVerifiers(e *env) {
	s := e.start()
	lost := newHash()
	rec, err := s.tryLoad(lost, s.hash)
	e.must(err, "load with a verifier that never was and the current one")
	equal(e, rec.Presented, 1, "presented, the renewal had not happened")
	equal(e, rec.Current, true, "current, the renewal had not happened")

	c := e.change(rec)
	c.Renew = &session.Renew{Verifier: lost}
	s.commit(c, "renewal")
	rec, err = s.tryLoad(lost, s.hash)
	e.must(err, "load with the new verifier and the old one")
	equal(e, rec.Presented, 0, "presented, the renewal had happened")
	equal(e, rec.Current, true, "current, the renewal had happened")
	rec, err = s.tryLoad(s.hash, lost)
	e.must(err, "load with the old verifier and the new one")
	equal(e, rec.Presented, 1, "presented, in the other order")
	equal(e, rec.Current, true, "current, in the other order")
}

func versions(e *env) {
	s := e.start()
	last := s.load().Version
	for i := range 5 {
		c := e.change(s.load(), set("n", string(rune('0'+i))))
		floor := e.now().Add(-time.Second).UnixMilli()
		result := s.commit(c, "commit")
		if result.Version.N <= last.N || result.Version.N < floor {
			e.failf("version: got %v after %v, the clock shows %d", result.Version, last, e.now().UnixMilli())
		}
		equal(e, result.Version.Write, c.WriteID, "write of the version")
		equal(e, s.load().Version, result.Version, "version of the record")
		equal(e, s.load().Version, result.Version, "version after another load")
		last = result.Version
	}
	c := e.change(s.load())
	c.Invalidate = session.ReasonSignOut
	if tombstone := s.commit(c, "logout").Version; tombstone.N <= last.N {
		e.failf("version of the tombstone: got %v after %v", tombstone, last)
	}
}

func readYourWrites(e *env) {
	s := e.start()
	for i := range 20 {
		value := string(rune('a' + i))
		s.apply(set("n", value))
		equal(e, string(s.load().Attributes["n"]), value, "value after an acknowledged write")
		back, err := s.store.Load(s.ctx, s.key, session.LoadOptions{Verifiers: []session.Hash{s.hash}, Fresh: true})
		e.must(err, "fresh load")
		equal(e, string(back.Attributes["n"]), value, "value of a fresh load")
	}
}

package sessiontest

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var renewal = []Check{
	{Name: "renew", Guarantee: "a renewal changes the cookie and nothing else", Run: run(renew)},
	{Name: "renew-then-lapse", Guarantee: "a superseded cookie works until the new one is back, and 10 s longer", NeedsClock: true, Run: run(renewThenLapse)},
	{Name: "renew-in-flight", Guarantee: "requests of the same page keep their writes across a renewal", Run: run(renewInFlight)},
	{Name: "renew-window", Guarantee: "requests from before a renewal commit for 10 s", NeedsClock: true, Run: run(renewWindow)},
	{Name: "renew-twice", Guarantee: "of two renewals at once one counts, and both requests' writes", Run: run(renewTwice)},
	{Name: "renew-repeated", Guarantee: "a repeated renewal does nothing", Run: run(renewRepeated)},
	{Name: "renew-reply-lost", Guarantee: "a renewal whose answer was lost, with a writer in flight, leaves one session and one cookie", Run: run(renewReplyLost)},
	{Name: "renew-overtaken", Guarantee: "a retry never brings back a cookie that has been renewed since", Run: run(renewOvertaken)},
	{Name: "renew-strict", Guarantee: "a strict renewal refuses requests from before it", Run: run(renewStrict)},
	{Name: "renew-many", Guarantee: "superseded generations are bounded", NeedsClock: true, Run: run(renewMany)},
	{Name: "generation-ahead", Guarantee: "a generation that never was commits nothing", Run: run(generationAhead)},
}

// renewal is a periodic renewal by a request that loaded rec.
func (s *sess) renewal(rec *session.Record, ops ...session.Op) session.Change {
	c := s.change(rec, ops...)
	c.Renew = &session.Renew{Verifier: newHash()}
	return c
}

// renew renews the session and returns it with its new cookie.
func (s *sess) renew() *sess {
	c := s.renewal(s.load())
	result := s.commit(c, "renewal")
	equal(s.env, result.Renewed, true, "renewed")
	return s.with(c.Renew.Verifier)
}

func (s *sess) cannotLoad(want error, what string) {
	_, err := s.tryLoad(s.hash)
	s.is(err, want, what)
}

func renew(e *env) {
	s := e.start(set("cart", "1 apple"))
	before := s.load()
	c := s.renewal(before, set("lang", "de"))
	result := s.commit(c, "renewal")
	equal(e, result.Renewed, true, "renewed")
	equal(e, result.Generation, 2, "generation of the result")

	old, err := s.tryLoad(s.hash)
	e.must(err, "load with the old verifier before the new one is back")
	equal(e, old.Current, false, "old verifier is current")
	equal(e, old.Generation, 2, "generation with the old verifier")

	s = s.with(c.Renew.Verifier)
	rec := s.load()
	equal(e, rec.Current, true, "new verifier is current")
	equal(e, rec.Verifier, s.hash, "verifier")
	equal(e, rec.Generation, 2, "generation")
	equal(e, rec.Created.UnixMilli(), before.Created.UnixMilli(), "created")
	s.holds(map[string]string{"cart": "1 apple", "lang": "de"}, "after the renewal")
}

func renewThenLapse(e *env) {
	old := e.start()
	s := old.renew()
	e.advance(5 * time.Minute)
	old.load() // the new one has not come back
	s.load()
	e.advance(session.RenewalGrace - time.Millisecond)
	old.load()
	s.load()
	e.advance(time.Millisecond)
	old.cannotLoad(session.ErrSuperseded, "old verifier, 10 s after the new one came back")
	s.load()

	old, s = s, s.renew()
	s.peek() // passive loads count as coming back
	e.advance(session.RenewalGrace)
	old.cannotLoad(session.ErrSuperseded, "old verifier, 10 s after the new one came back passively")
}

func renewInFlight(e *env) {
	s := e.start(set("cart", "1 apple"))
	early := s.load()
	s = s.renew()
	result := s.commit(e.change(early, set("cart", "2 apples"), add("n", 1)), "commit of a request from before the renewal")
	equal(e, result.Generation, 2, "generation of its result")
	equal(e, result.Renewed, false, "it renewed")
	s.holds(map[string]string{"cart": "2 apples", "n": "1"}, "after it")
	equal(e, s.load().Generation, 2, "generation after it")
}

func renewWindow(e *env) {
	s := e.start()
	early := s.load()
	s = s.renew()
	s.load()
	e.advance(session.RenewalGrace - time.Millisecond)
	s.commit(e.change(early, add("n", 1)), "commit within the window")
	e.advance(time.Millisecond)
	s.refused(e.change(early, add("n", 1)), session.ErrSuperseded, "commit after the window")
	c := e.change(early)
	c.Invalidate = session.ReasonSignOut
	s.refused(c, session.ErrSuperseded, "logout after the window")

	// Each generation in between has a window of its own.
	early = s.load()
	s = s.renew()
	e.advance(session.RenewalGrace / 2)
	s = s.renew()
	s.commit(e.change(early, add("n", 1)), "commit over two renewals")
	e.advance(session.RenewalGrace / 2)
	s.refused(e.change(early, add("n", 1)), session.ErrSuperseded, "commit when the first window has closed")
}

func renewTwice(e *env) {
	s := e.start()
	rec := s.load()
	first, second := s.renewal(rec, set("first", "1")), s.renewal(rec, set("second", "1"))
	equal(e, s.commit(first, "first renewal").Renewed, true, "first one renewed")
	result := s.commit(second, "second renewal")
	equal(e, result.Renewed, false, "second one renewed")
	equal(e, result.Repeated, false, "second one repeated")
	equal(e, result.Generation, 2, "generation")
	s.with(second.Renew.Verifier).cannotLoad(session.ErrNotFound, "verifier of the renewal that was left out")
	s = s.with(first.Renew.Verifier)
	equal(e, s.load().Current, true, "first one's verifier is current")
	s.holds(map[string]string{"first": "1", "second": "1"}, "after both")
	second.Retry = true
	s.repeated(result, s.commit(second, "retry of the second"), "retry of the second")
}

func renewRepeated(e *env) {
	s := e.start()
	c := s.renewal(s.load(), set("a", "1"))
	first := s.commit(c, "renewal")
	c.Retry = true
	s.repeated(first, s.commit(c, "retry"), "retry")

	s = s.with(c.Renew.Verifier)
	s.apply(set("a", "2"))
	c.WriteID, c.Retry = newID(), false // the same renewal by another request
	result := s.commit(c, "the same renewal")
	equal(e, result.Repeated, true, "the same renewal, repeated")
	equal(e, result.Renewed, true, "the same renewal, renewed")
	rec := s.load()
	equal(e, rec.Generation, 2, "generation")
	equal(e, rec.Verifier, s.hash, "verifier")
	equal(e, len(rec.Superseded), 1, "superseded generations")
	s.holds(map[string]string{"a": "2"}, "after the repeated renewal")
}

func renewReplyLost(e *env) {
	s := e.start()
	writer := s.load()
	c := s.renewal(s.load(), add("n", 1))
	faults := WithFaults(e.store)
	faults.Commits(LoseReply)
	_, err := faults.Commit(e.ctx, s.key, c)
	e.is(err, ErrLost, "renewal")
	s.commit(e.change(writer, add("n", 10)), "commit of a writer in flight")

	// The browser now holds both; the next request of it comes before the retry.
	both := []session.Hash{c.Renew.Verifier, s.hash}
	rec, err := s.tryLoad(both...)
	e.must(err, "load with both")
	equal(e, rec.Presented, 0, "presented")
	c.Retry = true
	result, err := faults.Commit(e.ctx, s.key, c)
	e.must(err, "retry of the renewal")
	equal(e, result.Repeated && result.Renewed, true, "retry was repeated and renewed")
	s = s.with(c.Renew.Verifier)
	equal(e, s.load().Generation, 2, "generation")
	s.holds(map[string]string{"n": "11"}, "after all")
}

func renewOvertaken(e *env) {
	s := e.start()
	first := s.renewal(s.load())
	s.commit(first, "first renewal")
	s = s.with(first.Renew.Verifier).renew()
	for what, id := range map[string]string{"same write": first.WriteID, "another write": newID()} {
		first.WriteID, first.Retry = id, true
		result := s.commit(first, "retry by the "+what)
		equal(e, result.Repeated, true, "retry by the "+what+", repeated")
		equal(e, result.Renewed, false, "retry by the "+what+", its cookie may be sent")
	}
	equal(e, s.load().Generation, 3, "generation")
}

func renewStrict(e *env) {
	s := e.start()
	early := s.load()
	c := s.renewal(early)
	c.Renew.Strict = true
	s.commit(c, "strict renewal")
	old := s
	old.load() // requests on the way still arrive
	s = s.with(c.Renew.Verifier)
	s.refused(e.change(early, set("a", "1")), session.ErrSuperseded, "commit from before a strict renewal")
	s.apply(set("a", "2"))
}

func renewMany(e *env) {
	old := e.start()
	early := old.load()
	s := old
	for range session.MaxSuperseded + 2 {
		s = s.renew()
		s.load()
		e.advance(session.RenewalGrace)
	}
	rec := s.load()
	if len(rec.Superseded) > session.MaxSuperseded {
		e.failf("superseded generations: got %d, want at most %d", len(rec.Superseded), session.MaxSuperseded)
	}
	for i := range rec.Superseded {
		equal(e, rec.Superseded[i].Generation, rec.Generation-int64(i)-1, "generation of a superseded one, newest first")
	}
	old.cannotLoad(session.ErrNotFound, "a verifier that is forgotten")
	s.refused(e.change(early, set("a", "1")), session.ErrSuperseded, "a generation that is forgotten")
}

func generationAhead(e *env) {
	s := e.start()
	c := e.change(s.load(), set("a", "1"))
	for _, generation := range []int64{2, 0, -1} {
		c.Generation = generation
		s.refused(c, session.ErrSuperseded, "commit under a generation that never was")
	}
}

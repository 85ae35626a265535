package sessiontest

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var once = []Check{
	{Name: "retry", Guarantee: "a retry gets the first attempt's result and does nothing", Run: run(retry)},
	{Name: "retry-unmarked", Guarantee: "a change that the network delivers twice is applied once", Run: run(retryUnmarked)},
	{Name: "retry-after-another", Guarantee: "a retry is recognised behind other requests' writes", Run: run(retryAfterAnother)},
	{Name: "retry-first", Guarantee: "a retry whose first attempt never arrived is applied", Run: run(retryFirst)},
	{Name: "retry-undecidable", Guarantee: "a retry that cannot be decided is neither applied nor called done", Run: run(retryUndecidable)},
	{Name: "reply-lost", Guarantee: "a write whose answer was lost happens once", Run: run(replyLost)},
	{Name: "late", Guarantee: "a write that was given up never lands later", Run: run(late)},
	{Name: "late-edge", Guarantee: "a write is late from its very limit on", NeedsClock: true, Run: run(lateEdge)},
	{Name: "late-retry", Guarantee: "what a write did can be asked after its limit", NeedsClock: true, Run: run(lateRetry)},
}

func retry(e *env) {
	s := e.start()
	c := e.change(s.load(), add("n", 2), merge(session.OpAppend, "l", "a"), set("t", "x"), merge(session.OpUnion, "s", "a", "b"))
	first := s.commit(c, "first attempt")
	c.Retry = true
	for range 2 {
		s.repeated(first, s.commit(c, "retry"), "retry")
	}
	s.holds(map[string]string{"n": "2", "l": encoded("a"), "t": "x", "s": encoded("a", "b")}, "after the retries")
	equal(e, s.load().Version, first.Version, "version after the retries")
}

func retryUnmarked(e *env) {
	s := e.start()
	c := e.change(s.load(), add("n", 2))
	first := s.commit(c, "first delivery")
	s.repeated(first, s.commit(c, "second delivery"), "second delivery")
	s.holds(map[string]string{"n": "2"}, "after both")
}

func retryAfterAnother(e *env) {
	s := e.start()
	rec := s.load()
	w1, w2 := e.change(rec, add("n", 1), set("who", "w1")), e.change(rec, add("n", 10), set("who", "w2"))
	first, second := s.commit(w1, "W1"), s.commit(w2, "W2")
	w1.Retry, w2.Retry = true, true
	s.repeated(first, s.commit(w1, "retry of W1"), "retry of W1")
	s.repeated(second, s.commit(w2, "retry of W2"), "retry of W2")
	s.holds(map[string]string{"n": "11", "who": "w2"}, "after W1, W2, W1 again")

	// The ring holds this write until MaxWrites others follow it.
	for range session.MaxWrites - 2 {
		s.apply(add("n", 100))
	}
	s.repeated(first, s.commit(w1, "late retry of W1"), "late retry of W1")
}

func retryFirst(e *env) {
	s := e.start()
	c := e.change(s.load(), add("n", 1))
	for range session.MaxWrites - 2 {
		s.apply(add("n", 10))
	}
	c.Retry = true
	equal(e, s.commit(c, "retry").Repeated, false, "repeated")
	s.holds(map[string]string{"n": fmt.Sprint(10*(session.MaxWrites-2) + 1)}, "after the retry")
}

func retryUndecidable(e *env) {
	s := e.start()
	rec := s.load()
	lost, done := e.change(rec, add("n", 1)), e.change(rec, add("n", 1))
	s.commit(done, "a write")
	for range session.MaxWrites {
		s.apply(add("n", 10))
	}
	lost.Retry, done.Retry = true, true
	s.refused(lost, session.ErrUnknown, "retry of a write that may or may not have been")
	s.refused(done, session.ErrUnknown, "retry of a write that is forgotten")
	lost.Base = s.load().Version
	equal(e, s.commit(lost, "retry of a write from now").Repeated, false, "repeated")
}

func replyLost(e *env) {
	s := e.start()
	faults := WithFaults(e.store)
	for _, fault := range []Fault{LoseReply, LoseRequest} {
		faults.Commits(fault)
		c := e.change(s.load(), add("n", 1))
		_, err := faults.Commit(e.ctx, s.key, c)
		e.is(err, ErrLost, "first attempt")
		s.apply(add("others", 1))
		c.Retry = true
		result, err := faults.Commit(e.ctx, s.key, c)
		e.must(err, "retry")
		equal(e, result.Repeated, fault == LoseReply, "repeated")
	}
	s.holds(map[string]string{"n": "2", "others": "2"}, "after both")
}

func late(e *env) {
	s := e.start(set("a", "old"))
	for what, limit := range map[string]time.Time{"a limit an hour ago": e.now().Add(-time.Hour), "no limit": {}} {
		for kind, spoil := range map[string]func(*session.Change){
			"set":    func(c *session.Change) { c.Ops = []session.Op{set("a", "late")} },
			"logout": func(c *session.Change) { c.Invalidate = session.ReasonSignOut },
			"renew":  func(c *session.Change) { c.Renew = &session.Renew{Verifier: newHash()} },
		} {
			c := e.change(s.load())
			c.NotAfter = limit
			spoil(&c)
			before := s.peek()
			_, err := s.tryCommit(c)
			s.late(err, kind+" with "+what)
			s.unchanged(before, kind+" with "+what)
		}
		c := e.startChange(newHash())
		c.NotAfter = limit
		other := &sess{env: e, key: newKey(), hash: c.Start.Verifier}
		_, err := other.tryCommit(c)
		s.late(err, "start with "+what)
		_, err = other.tryLoad(other.hash)
		e.is(err, session.ErrNotFound, "load after a late start")
	}
}

func lateEdge(e *env) {
	s := e.start()
	c := e.change(s.load(), set("a", "in time"))
	c.NotAfter = e.now().Add(time.Second)
	e.advance(time.Second - time.Millisecond)
	s.commit(c, "a millisecond before the limit")
	c = e.change(s.load(), set("a", "late"))
	c.NotAfter = e.now().Add(time.Second)
	e.advance(time.Second)
	_, err := s.tryCommit(c)
	s.late(err, "at the limit")
	s.holds(map[string]string{"a": "in time"}, "afterwards")
}

func lateRetry(e *env) {
	s := e.start()
	c := e.change(s.load(), add("n", 1))
	first := s.commit(c, "first attempt")
	e.advance(2 * patience)
	c.Retry = true
	s.repeated(first, s.commit(c, "retry after the limit"), "retry after the limit")
}

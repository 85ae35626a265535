package sessiontest

import (
	"math"

	"github.com/evenkeel/evenkeel/session"
)

var atomicity = []Check{
	{Name: "half-failing", Guarantee: "a commit that fails half-way changes nothing", Run: run(halfFailing)},
	{Name: "delta", Guarantee: "a commit changes the attributes that it names and no others", Run: run(delta)},
	{Name: "clear", Guarantee: "a clear comes before the operations", Run: run(clearFirst)},
	{Name: "expect", Guarantee: "a conditional commit happens in the expected state or not at all", Run: run(expect)},
	{Name: "expect-before-ops", Guarantee: "a condition is about the state before the commit", Run: run(expectBeforeOps)},
	{Name: "malformed", Guarantee: "a change that contradicts itself is refused as a whole", Run: run(malformed)},
}

func halfFailing(e *env) {
	s := e.start(set("name", "alice"), add("count", 1), set("full", "9223372036854775807"))
	wrong := session.Op{Kind: session.OpSet, Name: "late", Value: []byte("x"), Expect: &session.Expect{Present: true}}
	for what, c := range map[string]struct {
		ops  []session.Op
		want error
	}{
		"a type error last":      {[]session.Op{set("a", "1"), remove("full"), add("count", 1), add("name", 1)}, session.ErrType},
		"an overflow last":       {[]session.Op{set("a", "1"), add("count", 1), add("full", 1)}, session.ErrType},
		"a limit last":           {[]session.Op{add("count", 1), set("big", string(make([]byte, 64<<10)))}, session.ErrLimit},
		"a conflict last":        {[]session.Op{set("a", "1"), add("count", 1), wrong}, session.ErrConflict},
		"an element merge last":  {[]session.Op{set("a", "1"), merge(session.OpAppend, "name", "x")}, session.ErrType},
		"an unusable name last":  {[]session.Op{set("a", "1"), set("", "x")}, session.ErrMalformed},
		"an unknown kind last":   {[]session.Op{set("a", "1"), {Kind: math.MaxUint8, Name: "b"}}, session.ErrMalformed},
		"a type error after all": {[]session.Op{set("a", "1"), merge(session.OpUnion, "a", "x")}, session.ErrType},
	} {
		change := e.change(s.load(), c.ops...)
		s.refused(change, c.want, what)
		// Nothing of it may be remembered either: the same write without its
		// fault is a first attempt.
		change.Ops = c.ops[:1]
		change.Ops[0] = set("probe", what)
		equal(e, s.commit(change, "the same without its fault").Repeated, false, what+", repeated")
	}
}

func delta(e *env) {
	s := e.start(set("cart", "1 apple"), set("name", "alice"))
	stale := s.load()
	s.apply(set("cart", "2 apples"))
	s.commit(e.change(stale, set("name", "bob")), "commit of a request that loaded before")
	s.commit(e.change(stale, set("lang", "de"), remove("absent")), "another one")
	s.holds(map[string]string{"cart": "2 apples", "name": "bob", "lang": "de"}, "after all")
	s.commit(e.change(stale, remove("name")), "removal")
	s.commit(e.change(stale), "commit of nothing")
	s.holds(map[string]string{"cart": "2 apples", "lang": "de"}, "after the removal")
}

func clearFirst(e *env) {
	s := e.start(set("cart", "1 apple"), add("count", 5))
	c := e.change(s.load(), add("count", 1), set("lang", "de"))
	c.Clear = true
	equal(e, s.commit(c, "clear").Values[0], 1, "count after the clear")
	s.holds(map[string]string{"count": "1", "lang": "de"}, "after the clear")
	c = e.change(s.load())
	c.Clear = true
	s.commit(c, "clear of all")
	s.holds(map[string]string{}, "after a clear of all")
	equal(e, s.load().Size, 0, "size after a clear of all")
}

func expect(e *env) {
	s := e.start(set("cart", "1 apple"), set("empty", ""))
	on := func(name string, x session.Expect) session.Op {
		op := set(name, "new")
		op.Expect = &x
		return op
	}
	for what, op := range map[string]session.Op{
		"another value":        on("cart", session.Expect{Present: true, Value: []byte("2 apples")}),
		"absent":               on("cart", session.Expect{}),
		"present":              on("none", session.Expect{Present: true}),
		"empty is not absent":  on("empty", session.Expect{}),
		"absent is not empty":  on("none", session.Expect{Present: true, Value: []byte{}}),
		"a prefix of the real": on("cart", session.Expect{Present: true, Value: []byte("1 app")}),
	} {
		s.refused(e.change(s.load(), set("other", "x"), op), session.ErrConflict, what)
	}
	s.apply(on("cart", session.Expect{Present: true, Value: []byte("1 apple")}))
	s.apply(on("empty", session.Expect{Present: true}))
	s.apply(on("none", session.Expect{}))
	s.holds(map[string]string{"cart": "new", "empty": "new", "none": "new"}, "after the expected ones")
}

func expectBeforeOps(e *env) {
	s := e.start(set("cart", "old"))
	second := set("cart", "newest")
	second.Expect = &session.Expect{Present: true, Value: []byte("old")}
	s.apply(set("cart", "new"), second)
	s.holds(map[string]string{"cart": "newest"}, "two operations on one attribute")
	second.Expect.Value = []byte("between")
	s.refused(e.change(s.load(), set("cart", "between"), second), session.ErrConflict, "a condition that only the commit itself made true")
}

func malformed(e *env) {
	s := e.start(set("cart", "1 apple"))
	for what, spoil := range map[string]func(*session.Change){
		"no write ID":                         func(c *session.Change) { c.WriteID = "" },
		"a logout with a set":                 func(c *session.Change) { c.Invalidate = session.ReasonSignOut },
		"a sign-in without a renewal":         func(c *session.Change) { c.SignIn = &session.SignIn{Principal: "alice"} },
		"a sign-in of nobody":                 func(c *session.Change) { c.SignIn, c.Renew = &session.SignIn{}, &session.Renew{Verifier: newHash()} },
		"a renewal without a verifier":        func(c *session.Change) { c.Renew = &session.Renew{} },
		"a renewal with the current verifier": func(c *session.Change) { c.Renew = &session.Renew{Verifier: s.hash} },
		"a name that is not UTF-8":            func(c *session.Change) { c.Ops = append(c.Ops, set("\xff", "x")) },
		"a name with a line break":            func(c *session.Change) { c.Ops = append(c.Ops, set("a\nb", "x")) },
		"an unknown operation after others":   func(c *session.Change) { c.Ops = append(c.Ops, session.Op{Kind: 99, Name: "a"}) },
		"a list that may hold less than no":   func(c *session.Change) { c.Ops = append(c.Ops, session.Op{Kind: session.OpAppend, Name: "a", Max: -1}) },
		"a start and a renewal at the same go": func(c *session.Change) {
			c.Start, c.Renew = &session.Start{Verifier: newHash(), Idle: idle}, &session.Renew{Verifier: newHash()}
		},
	} {
		c := e.change(s.load(), set("cart", "none"))
		spoil(&c)
		s.refused(c, session.ErrMalformed, what)
	}
	_, err := (&sess{env: e, key: newKey()}).tryCommit(session.Change{WriteID: newID(), NotAfter: e.now().Add(patience), Start: &session.Start{Verifier: newHash()}})
	e.is(err, session.ErrMalformed, "a start without an idle timeout")
}

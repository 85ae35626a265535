package sessiontest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/session"
)

var concurrency = []Check{
	{Name: "writers", Guarantee: "writes to distinct attributes at once all survive", Run: run(writers)},
	{Name: "tickets", Guarantee: "tickets drawn at once are distinct, also under retries", Run: run(tickets)},
	{Name: "appenders", Guarantee: "appends and unions at once lose nothing", Run: run(appenders)},
	{Name: "compare-and-set", Guarantee: "of conditional commits at once one wins each round", Run: run(compareAndSet)},
	{Name: "readers", Guarantee: "a reader never sees half of a commit", Run: run(readers)},
	{Name: "renew-writers", Guarantee: "a renewal among writers loses no acknowledged write", Run: run(renewWriters)},
	{Name: "renewers", Guarantee: "of renewals at once exactly one is told that it counts", Run: run(renewers)},
	{Name: "sign-in-writers", Guarantee: "writers around a login never undo what it set", Run: run(signInWriters)},
	{Name: "logout-writers", Guarantee: "a logout among writers and readers stays", Run: run(logoutWriters)},
	{Name: "starters", Guarantee: "of starts at once one makes the session", Run: run(starters)},
}

// crowd is how many requests run at once.
const crowd = 16

func writers(e *env) {
	s := e.start()
	rec := s.load()
	want := map[string]string{}
	for i := range crowd {
		want[fmt.Sprint("a", i)] = "2"
	}
	e.parallel(crowd, func(i int) {
		name := fmt.Sprint("a", i)
		s.commit(e.change(rec, set(name, "1")), "commit of a request that loaded before all")
		s.apply(set(name, "2"))
	})
	s.holds(want, "after all writers")
	size := 0
	for name, value := range want {
		size += len(name) + len(value)
	}
	equal(e, s.load().Size, size, "size")
}

func tickets(e *env) {
	s := e.start()
	rec := s.load()
	var mu sync.Mutex
	var drawn []int64
	e.parallel(crowd, func(int) {
		for range 4 {
			c := e.change(rec, add("n", 1))
			result := s.commit(c, "draw")
			c.Retry = true
			again, err := s.tryCommit(c)
			if !errors.Is(err, session.ErrUnknown) { // which it is when MaxWrites others came between
				e.must(err, "retry")
				s.repeated(result, again, "retry")
			}
			mu.Lock()
			drawn = append(drawn, result.Values[0])
			mu.Unlock()
		}
	})
	slices.Sort(drawn)
	for i, ticket := range drawn {
		equal(e, ticket, int64(i+1), "ticket")
	}
	s.holds(map[string]string{"n": fmt.Sprint(4 * crowd)}, "after all draws")
}

func appenders(e *env) {
	s := e.start()
	rec := s.load()
	e.parallel(crowd, func(i int) {
		s.commit(e.change(rec, merge(session.OpAppend, "l", fmt.Sprint(i)), merge(session.OpUnion, "s", fmt.Sprint(i), "all")), "append")
	})
	for name, want := range map[string]int{"l": crowd, "s": crowd + 1} {
		got, err := session.DecodeElements(s.load().Attributes[name])
		e.must(err, "decoding "+name)
		equal(e, len(got), want, "elements of "+name)
	}
}

func compareAndSet(e *env) {
	s := e.start(set("n", "0"))
	for round := range 4 {
		rec := s.load()
		var won atomic.Int64
		e.parallel(crowd, func(int) {
			op := set("n", fmt.Sprint(round+1))
			op.Expect = &session.Expect{Present: true, Value: []byte(fmt.Sprint(round))}
			_, err := s.tryCommit(e.change(rec, op))
			if err == nil {
				won.Add(1)
				return
			}
			e.is(err, session.ErrConflict, "one that lost")
		})
		equal(e, won.Load(), 1, "winners")
	}
}

func readers(e *env) {
	s := e.start(set("a", "0"), set("b", "0"))
	rec := s.load()
	var done atomic.Bool
	e.parallel(4, func(i int) {
		if i == 0 {
			defer done.Store(true)
			for n := range 100 {
				s.commit(e.change(rec, set("a", fmt.Sprint(n)), set("b", fmt.Sprint(n))), "commit")
			}
			return
		}
		for !done.Load() {
			got := s.load()
			equal(e, string(got.Attributes["a"]), string(got.Attributes["b"]), "two attributes that are always set together")
		}
	})
}

func renewWriters(e *env) {
	s := e.start()
	rec := s.load()
	c := s.renewal(rec)
	e.parallel(crowd, func(i int) {
		if i == 0 {
			s.commit(c, "renewal")
			return
		}
		s.commit(e.change(rec, set(fmt.Sprint("a", i), "1"), add("n", 1)), "commit around the renewal")
	})
	s = s.with(c.Renew.Verifier)
	got := s.load()
	equal(e, got.Generation, 2, "generation")
	equal(e, len(got.Attributes), crowd, "attributes")
	equal(e, string(got.Attributes["n"]), fmt.Sprint(crowd-1), "counter")
}

func renewers(e *env) {
	s := e.start()
	rec := s.load()
	var renewed atomic.Int64
	var winner atomic.Pointer[session.Hash]
	e.parallel(crowd, func(int) {
		c := s.renewal(rec, add("n", 1))
		if s.commit(c, "renewal").Renewed {
			renewed.Add(1)
			winner.Store(&c.Renew.Verifier)
		}
	})
	equal(e, renewed.Load(), 1, "renewals that count")
	s = s.with(*winner.Load())
	equal(e, s.load().Current, true, "the winner's verifier is current")
	equal(e, s.load().Generation, 2, "generation")
	s.holds(map[string]string{"n": fmt.Sprint(crowd)}, "after all")
}

func signInWriters(e *env) {
	s := e.start()
	rec := s.load()
	c := s.signInChange(rec, "alice", set("role", "admin"))
	e.parallel(crowd, func(i int) {
		if i == 0 {
			s.commit(c, "sign-in")
			_, err := s.tryCommit(e.change(rec, set("role", "guest")))
			e.is(err, session.ErrSuperseded, "fenced commit after the answer to the sign-in")
			return
		}
		s.commit(e.change(rec, set(fmt.Sprint("a", i), "1")), "unfenced commit around the sign-in")
		if _, err := s.tryCommit(e.change(rec, set("role", "guest"))); err != nil {
			e.is(err, session.ErrSuperseded, "fenced commit around the sign-in")
		}
	})
	s = s.with(c.Renew.Verifier)
	got := s.load()
	equal(e, string(got.Attributes["role"]), "admin", "what the sign-in set")
	equal(e, len(got.Attributes), crowd, "attributes")
}

func logoutWriters(e *env) {
	s := e.start(set("cart", "1 apple"))
	rec := s.load()
	c := s.logoutChange(rec, session.ReasonSignOut)
	var answered atomic.Bool
	// untilGone repeats a call until the session is gone, which it is for
	// every call that begins after the answer to the logout.
	untilGone := func(what string, call func() error) {
		for {
			after := answered.Load()
			if err := call(); err != nil {
				s.gone(err, session.ReasonSignOut, what)
				return
			} else if after {
				e.failf("%s worked after the answer to the logout", what)
			}
		}
	}
	e.parallel(crowd, func(i int) {
		switch {
		case i == 0:
			defer answered.Store(true)
			s.commit(c, "logout")
		case i%2 == 0:
			untilGone("load", func() error { _, err := s.tryLoad(s.hash); return err })
		default:
			untilGone("commit", func() error { _, err := s.tryCommit(e.change(rec, add("n", 1))); return err })
		}
	})
	_, err := s.tryLoad(s.hash)
	s.gone(err, session.ReasonSignOut, "load after all")
}

func starters(e *env) {
	key := newKey()
	var made atomic.Int64
	var winner atomic.Pointer[sess]
	e.parallel(crowd, func(int) {
		s := &sess{env: e, key: key, hash: newHash()}
		_, err := s.tryCommit(e.startChange(s.hash, add("n", 1)))
		if err == nil {
			made.Add(1)
			winner.Store(s)
			return
		}
		e.is(err, session.ErrExists, "one that lost")
	})
	equal(e, made.Load(), 1, "starts that made the session")
	winner.Load().holds(map[string]string{"n": "1"}, "after all")
}

package sessiontest

import (
	"context"
	"errors"

	"github.com/evenkeel/evenkeel/session"
)

var unknowns = []Check{
	{Name: "unknown-format", Guarantee: "a record of another release is never absent, and never overwritten", NeedsFormat: true, Run: run(unknownFormat)},
	{Name: "unreachable", Guarantee: "a store that did not answer never looks like no session", Run: run(unreachable)},
}

func unknownFormat(e *env) {
	s := e.start(set("cart", "1 apple"))
	rec := s.load()
	for _, format := range []int{session.Format + 1, 0, -1} {
		e.must(e.h.SetFormat(e.ctx, s.key, format), "changing the format")
		loaded, err := s.tryLoad(s.hash)
		e.is(err, session.ErrFormat, "load")
		equal(e, loaded == nil, true, "no record")
		for what, c := range map[string]session.Change{
			"commit": e.change(rec, set("cart", "2 apples")),
			"start":  e.startChange(newHash()),
			"logout": s.logoutChange(rec, session.ReasonSignOut),
		} {
			_, err := s.tryCommit(c)
			e.is(err, session.ErrFormat, what)
		}
	}
	e.must(e.h.SetFormat(e.ctx, s.key, session.Format), "restoring the format")
	s.unchanged(rec, "after all")
}

func unreachable(e *env) {
	s := e.start(set("cart", "1 apple"))
	rec := s.load()
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	verdicts := []error{session.ErrNotFound, session.ErrSuperseded, session.ErrExists, session.ErrFormat}
	check := func(err error, what string) {
		for _, verdict := range append(verdicts, session.ErrGone{}) {
			var gone session.ErrGone
			if errors.Is(err, verdict) || errors.As(err, &gone) {
				e.failf("%s whose context is done: got error %v", what, err)
			}
		}
	}
	_, err := s.peer.Load(ctx, s.key, session.LoadOptions{Verifiers: []session.Hash{s.hash}})
	check(err, "load")
	c := e.change(rec, add("n", 1))
	result, err := s.store.Commit(ctx, s.key, c)
	check(err, "commit")
	if err == nil {
		equal(e, result.Repeated, false, "first attempt repeated")
	}
	c.Retry = true
	s.commit(c, "retry")
	s.holds(map[string]string{"cart": "1 apple", "n": "1"}, "after the retry")
}

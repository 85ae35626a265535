package sessiontest

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/session"
)

var limits = []Check{
	{Name: "limits", Guarantee: "no session outgrows its limits", Run: run(limitsHold)},
	{Name: "limits-defaults", Guarantee: "limits hold where none are given", Run: run(limitsDefaults)},
	{Name: "limits-final-state", Guarantee: "limits are about what a commit leaves, and let an oversized session shrink", Run: run(limitsFinal)},
	{Name: "names", Guarantee: "any printable name of 256 bytes is an attribute's", Run: run(names)},
}

var small = session.Limits{AttributeBytes: 20, SessionBytes: 50, Attributes: 4}

// limited is a change under small limits.
func (s *sess) limited(ops ...session.Op) session.Change {
	c := s.change(s.load(), ops...)
	c.Limits = small
	return c
}

func limitsHold(e *env) {
	s := e.start()
	s.commit(s.limited(set("a", strings.Repeat("x", 19))), "an attribute of 20 bytes")
	s.refused(s.limited(set("b", strings.Repeat("x", 20))), session.ErrLimit, "an attribute of 21 bytes")
	s.refused(s.limited(merge(session.OpAppend, "b", strings.Repeat("x", 20))), session.ErrLimit, "a list of more than 20 bytes")
	s.commit(s.limited(set("b", strings.Repeat("x", 19)), set("c", "xxxxxxxxx")), "a session of 50 bytes")
	equal(e, s.load().Size, 50, "size")
	s.refused(s.limited(set("c", "xxxxxxxxxx")), session.ErrLimit, "a session of 51 bytes")
	s.commit(s.limited(remove("b"), set("d", ""), set("e", "")), "four attributes")
	s.refused(s.limited(set("f", "")), session.ErrLimit, "five attributes")
	s.commit(s.limited(add("d2", 1), remove("d")), "another four attributes")

	c := e.startChange(newHash(), set("a", strings.Repeat("x", 20)))
	c.Limits = small
	other := &sess{env: e, key: newKey(), hash: c.Start.Verifier}
	_, err := other.tryCommit(c)
	e.is(err, session.ErrLimit, "a start with 21 bytes")
	_, err = other.tryLoad(other.hash)
	e.is(err, session.ErrNotFound, "load after it")
}

func limitsDefaults(e *env) {
	s := e.start(set("a", strings.Repeat("x", 64<<10-1)))
	s.refused(e.change(s.load(), set("b", strings.Repeat("x", 64<<10))), session.ErrLimit, "an attribute over 64 KiB")
	for name := range strings.SplitSeq("bcdefgh", "") {
		s.apply(set(name, strings.Repeat("x", 64<<10-1)))
	}
	equal(e, s.load().Size, 512<<10, "size")
	s.refused(e.change(s.load(), set("i", "")), session.ErrLimit, "a session over 512 KiB")

	s = e.start()
	var ops []session.Op
	for i := range 256 {
		ops = append(ops, set(fmt.Sprintf("a%d", i), ""))
	}
	s.apply(ops...)
	s.refused(e.change(s.load(), set("b", "")), session.ErrLimit, "257 attributes")
}

func limitsFinal(e *env) {
	s := e.start()
	s.commit(s.limited(set("a", strings.Repeat("x", 40)), set("a", "x")), "an attribute that is large only in between")
	s.commit(s.limited(set("b", ""), set("c", ""), set("d", ""), set("e", ""), remove("b")), "five attributes only in between")
	s.apply(set("big", strings.Repeat("x", 100)))
	s.commit(s.limited(set("a", "y")), "a change of the same size in an oversized session")
	s.commit(s.limited(set("big", strings.Repeat("x", 90))), "shrinking an oversized attribute")
	s.refused(s.limited(set("a", "yy")), session.ErrLimit, "growth of an oversized session")
	s.commit(s.limited(remove("big")), "removal from an oversized session")
}

func names(e *env) {
	s := e.start()
	want := map[string]string{}
	var ops []session.Op
	for i, name := range []string{"@a", "_v", "_d", "a:b", "a b", "a,b", "{a}", "ä€😀", "A", "a", "*", "%", "'", `"`, `\`, strings.Repeat("n", session.MaxNameBytes)} {
		want[name] = fmt.Sprint(i)
		ops = append(ops, set(name, fmt.Sprint(i)))
	}
	s.apply(ops...)
	s.holds(want, "names")
	s.refused(e.change(s.load(), set(strings.Repeat("n", session.MaxNameBytes+1), "")), session.ErrLimit, "a name of 257 bytes")
	s.refused(e.change(s.load(), set("", "")), session.ErrMalformed, "an empty name")
	s.refused(e.change(s.load(), set("a\x00", "")), session.ErrMalformed, "a name with a NUL")
}

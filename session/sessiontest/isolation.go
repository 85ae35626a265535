package sessiontest

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var isolation = []Check{
	{Name: "returned-copies", Guarantee: "who changes what a fresh load returned changes no session", Run: run(returnedCopies)},
	{Name: "passed-copies", Guarantee: "who changes what it committed changes no session", Run: run(passedCopies)},
	{Name: "two-sessions", Guarantee: "sessions do not touch one another", Run: run(twoSessions)},
}

// spoil changes everything that a record refers to.
func spoil(rec *session.Record) {
	for name, value := range rec.Attributes {
		for i := range value {
			value[i] ^= 0xFF
		}
		rec.Attributes[name+" of mallory"] = []byte("x")
	}
	delete(rec.Attributes, "gone")
	for i := range rec.Superseded {
		rec.Superseded[i].Open = true
		for j := range rec.Superseded[i].Fenced {
			rec.Superseded[i].Fenced[j] = "nothing"
		}
		rec.Superseded[i].Generation = 100
	}
	for i := range rec.Writes {
		rec.Writes[i].ID = "nothing"
		for j := range rec.Writes[i].Values {
			rec.Writes[i].Values[j] = -1
		}
	}
}

func returnedCopies(e *env) {
	s := e.start(set("cart", "1 apple"), set("gone", "no"))
	early := s.load()
	s = s.signIn("alice", set("role", "admin"))
	c := e.change(s.load(), add("n", 1))
	first := s.commit(c, "a write")
	values := append([]int64{}, first.Values...)
	first.Values[0] = -1
	for range 2 { // the first one after a write may be another kind of copy
		s.load()
		spoil(s.peek())
	}
	s.holds(map[string]string{"cart": "1 apple", "gone": "no", "role": "admin", "n": "1"}, "attributes")
	s.refused(e.change(early, set("role", "guest")), session.ErrSuperseded, "commit behind the fence")
	again := s.commit(c, "the write again")
	first.Values = values
	s.repeated(first, again, "the write again")
	again.Values[0] = -1
	s.repeated(first, s.commit(c, "and again"), "and again")
}

func passedCopies(e *env) {
	s := e.start()
	value, element := []byte("1 apple"), []byte("alice")
	c := e.change(s.load(),
		session.Op{Kind: session.OpSet, Name: "cart", Value: value},
		session.Op{Kind: session.OpAppend, Name: "l", Elements: [][]byte{element}},
		session.Op{Kind: session.OpUnion, Name: "s", Elements: [][]byte{element}})
	s.commit(c, "commit")
	copy(value, "9 pears")
	copy(element, "XXXXX")
	for i := range c.Ops {
		c.Ops[i] = session.Op{}
	}
	s.holds(map[string]string{"cart": "1 apple", "l": encoded("alice"), "s": encoded("alice")}, "after the caller reused its memory")
}

func twoSessions(e *env) {
	a, b := e.start(set("who", "a")), e.start(set("who", "b"))
	b.load()
	id := newID()
	for _, s := range []*sess{a, b} {
		c := e.change(s.load(), add("n", 1))
		c.WriteID = id
		equal(e, s.commit(c, "write of an ID that another session saw").Repeated, false, "repeated")
	}
	a.with(b.hash).cannotLoad(session.ErrNotFound, "one session with another's verifier")
	a = a.signIn("alice")
	a.commit(a.logoutChange(a.load(), session.ReasonSignOut), "logout of one")
	b.holds(map[string]string{"who": "b", "n": "1"}, "the other one")
	equal(e, b.load().Principal, "", "principal of the other one")
	if at := b.load().Created; at.After(e.now().Add(time.Second)) {
		e.failf("created: got %v at %v", at, e.now())
	}
}

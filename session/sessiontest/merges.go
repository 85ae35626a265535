package sessiontest

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/session"
)

var merges = []Check{
	{Name: "counters", Guarantee: "counters are exact integers", Run: run(counters)},
	{Name: "counter-edges", Guarantee: "a counter never wraps around and never rounds", Run: run(counterEdges)},
	{Name: "lists", Guarantee: "appends keep every element, or the last ones asked for", Run: run(lists)},
	{Name: "sets", Guarantee: "sets hold each element once, in the order of insertion", Run: run(sets)},
	{Name: "elements", Guarantee: "elements are bytes: none is lost, joined or re-encoded", Run: run(elements)},
	{Name: "kinds", Guarantee: "a merge never destroys a value of another kind", Run: run(kinds)},
}

func counters(e *env) {
	s := e.start()
	result := s.apply(add("n", 5), set("a", "x"), add("n", -7), add("m", 0))
	equal(e, fmt.Sprint(result.Values), "[5 0 -2 0]", "values")
	s.holds(map[string]string{"n": "-2", "a": "x", "m": "0"}, "counters")
	s.apply(set("n", "40"))
	equal(e, s.apply(add("n", 2)).Values[0], 42, "a counter that was set as text")
}

func counterEdges(e *env) {
	s := e.start()
	for _, step := range []struct {
		from string
		n    int64
		want string // empty is ErrType
	}{
		{"9007199254740993", 1, "9007199254740994"}, // 2^53+1, which floats cannot hold
		{"9223372036854775806", 1, "9223372036854775807"},
		{"9223372036854775807", 1, ""},
		{"9223372036854775807", 0, "9223372036854775807"},
		{"9223372036854775807", math.MinInt64, "-1"},
		{"-9223372036854775807", -1, "-9223372036854775808"},
		{"-9223372036854775808", -1, ""},
		{"-9223372036854775808", math.MaxInt64, "-1"},
		{"-1", math.MinInt64, ""},
		{"9223372036854775808", -1, ""},
		{"", 1, ""}, {" 1", 1, ""}, {"1\n", 1, ""}, {"+1", 1, ""}, {"01", 1, ""}, {"-0", 1, ""},
		{"1.0", 1, ""}, {"1e3", 1, ""}, {"0x10", 1, ""}, {"1_000", 1, ""}, {"null", 1, ""},
	} {
		s.apply(set("n", step.from))
		what := fmt.Sprintf("%q %+d", step.from, step.n)
		if step.want == "" {
			s.refused(e.change(s.load(), add("n", step.n)), session.ErrType, what)
			continue
		}
		equal(e, strconv.FormatInt(s.apply(add("n", step.n)).Values[0], 10), step.want, what)
		s.holds(map[string]string{"n": step.want}, what)
	}
}

func lists(e *env) {
	s := e.start()
	bounded := func(most int, elements ...string) session.Op {
		op := merge(session.OpAppend, "l", elements...)
		op.Max = most
		return op
	}
	for _, step := range []struct {
		op   session.Op
		want []string
	}{
		{bounded(0, "a", "b"), []string{"a", "b"}},
		{bounded(0, "a"), []string{"a", "b", "a"}},
		{bounded(0), []string{"a", "b", "a"}},
		{bounded(3, "c"), []string{"b", "a", "c"}},
		{bounded(2, "1", "2", "3"), []string{"2", "3"}},
		{bounded(9, "4"), []string{"2", "3", "4"}},
		{bounded(1), []string{"4"}},
	} {
		what := fmt.Sprintf("append %q, at most %d", step.op.Elements, step.op.Max)
		equal(e, s.apply(step.op).Values[0], int64(len(step.want)), what)
		s.holds(map[string]string{"l": encoded(step.want...)}, what)
	}
	equal(e, s.apply(merge(session.OpAppend, "none")).Values[0], 0, "append of nothing to nothing")
	s.holds(map[string]string{"l": encoded("4")}, "append of nothing to nothing")
}

func sets(e *env) {
	s := e.start()
	for _, step := range []struct {
		kind     session.OpKind
		elements []string
		value    int64
		want     []string
	}{
		{session.OpUnion, []string{"b", "a", "b"}, 2, []string{"b", "a"}},
		{session.OpUnion, []string{"a", "c"}, 1, []string{"b", "a", "c"}},
		{session.OpUnion, nil, 0, []string{"b", "a", "c"}},
		{session.OpDiff, []string{"a", "a", "z"}, 1, []string{"b", "c"}},
		{session.OpUnion, []string{"a"}, 1, []string{"b", "c", "a"}},
		{session.OpDiff, []string{"a", "b", "c"}, 3, nil},
		{session.OpUnion, []string{""}, 1, []string{""}},
	} {
		what := fmt.Sprintf("operation %d of %q", step.kind, step.elements)
		equal(e, s.apply(merge(step.kind, "s", step.elements...)).Values[0], step.value, what)
		s.holds(map[string]string{"s": encoded(step.want...)}, what)
	}
	equal(e, s.apply(merge(session.OpDiff, "none", "a")).Values[0], 0, "difference with nothing")
	s.holds(map[string]string{"s": encoded("")}, "difference with nothing")
	s.apply(merge(session.OpAppend, "l", "a", "a"))
	s.refused(e.change(s.load(), merge(session.OpUnion, "l", "b")), session.ErrType, "union with a list that holds an element twice")
}

func elements(e *env) {
	odd := []string{"", "\x00", "\xff\xfe", "a\x00b", "[]", "{}", "9007199254740993", "ä€😀", strings.Repeat("x", 127), strings.Repeat("y", 128), strings.Repeat("z", 20_000)}
	s := e.start(merge(session.OpAppend, "l", odd...), merge(session.OpUnion, "s", odd...))
	s.holds(map[string]string{"l": encoded(odd...), "s": encoded(odd...)}, "as started")
	s.apply(merge(session.OpAppend, "l", odd[0]), merge(session.OpDiff, "s", odd[2], odd[10]))
	back, err := session.DecodeElements(s.load().Attributes["l"])
	e.must(err, "decoding the list")
	equal(e, len(back), len(odd)+1, "elements of the list")
	s.holds(map[string]string{
		"l": encoded(append(odd, "")...),
		"s": encoded(append(append([]string{}, odd[:2]...), odd[3:10]...)...),
	}, "after more")
}

func kinds(e *env) {
	values := map[string]string{"text": "hello", "json": `{"a":1}`, "count": "7", "list": encoded("a", "b"), "cut": encoded("abc")[:3]}
	var ops []session.Op
	for name, value := range values {
		ops = append(ops, set(name, value))
	}
	s := e.start(ops...)
	for _, name := range []string{"text", "json", "list", "cut"} {
		s.refused(e.change(s.load(), add(name, 1)), session.ErrType, "count on "+name)
	}
	for _, name := range []string{"text", "json", "count", "cut"} {
		for _, kind := range []session.OpKind{session.OpAppend, session.OpUnion, session.OpDiff} {
			s.refused(e.change(s.load(), merge(kind, name, "a")), session.ErrType, fmt.Sprintf("operation %d on %s", kind, name))
		}
	}
	s.apply(set("text", "1"), add("text", 1), remove("json"), merge(session.OpAppend, "json", "a"))
}

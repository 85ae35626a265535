package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// The example is the gravest violation that its operations really show.
func TestTelling(t *testing.T) {
	steps := func(end float64, instances ...string) (all []check.Step) {
		for i, name := range instances {
			all = append(all, check.Step{Call: at(float64(i)), Return: at(float64(i)), Instance: name})
		}
		last := &all[len(all)-1]
		last.Return, last.Note = at(end), "anonymous"
		return all
	}
	base := check.Violation{Guarantee: check.G1, Grade: check.Lost, At: at(9), Event: 1, Witness: steps(9, "a", "a", "b")}
	change := func(f func(*check.Violation)) check.Violation { v := base; f(&v); return v }
	for name, worse := range map[string]check.Violation{
		"no witness":        change(func(v *check.Violation) { v.Witness = nil }),
		"another operation": change(func(v *check.Violation) { v.Witness = steps(8, "a", "b") }),
		"less grave":        change(func(v *check.Violation) { v.Grade, v.Witness = check.Stale, steps(9, "a", "b") }),
		"outside of events": change(func(v *check.Violation) { v.Event, v.Witness = 0, steps(9, "a", "b") }),
		"one instance":      change(func(v *check.Violation) { v.Witness = steps(9, "b", "b") }),
		"longer":            change(func(v *check.Violation) { v.Witness = steps(9, "a", "a", "a", "b") }),
		"not counted":       change(func(v *check.Violation) { v.Unattributed, v.Witness = true, steps(9, "a", "b") }),
		"other guarantee":   change(func(v *check.Violation) { v.Guarantee, v.Witness = check.G4, steps(9, "a", "b") }),
	} {
		want := base
		want.User = "the right one"
		for _, all := range [][]check.Violation{{want, worse}, {worse, want}} {
			if i := telling(all, check.G1); i < 0 || all[i].User != want.User {
				t.Errorf("%s is preferred", name)
			}
		}
	}
	if telling(nil, check.G1) >= 0 {
		t.Error("an example of nothing")
	}
}

// The operations that matter stay, in order, and the rest is left out.
func TestEssential(t *testing.T) {
	v := check.Violation{Guarantee: check.G4, LastGood: at(3.1), Detail: "u1-1-7 of u1 was acknowledged and is gone"}
	add := func(call float64, s check.Step) {
		s.Call, s.Return, s.Status = at(call), at(call+.1), 200
		v.Witness = append(v.Witness, s)
	}
	add(0, check.Step{Kind: history.Login})
	for i := range 6 {
		add(1+float64(i)/10, check.Step{Kind: history.State, N: int64(i)})
	}
	add(2, check.Step{Kind: history.Append, Token: "u1-1-7"})
	add(3, check.Step{Kind: history.State})
	add(4, check.Step{Kind: history.Append, Token: "u1-1-8"})
	add(5, check.Step{Kind: history.State, Note: "lacks u1-1-7"})
	var got []history.Kind
	picked := essential(v)
	for _, s := range picked {
		got = append(got, s.Kind)
	}
	if want := []history.Kind{history.Login, history.Append, history.State, history.State}; !slices.Equal(got, want) || picked[1].Token != "u1-1-7" || picked[3].Note == "" {
		t.Errorf("picked %v, want %v", got, want)
	}
	if w := newWitness(v, Result{}); w.Omitted != "7 other operations of this user are left out." || len(w.Steps) != 4 || w.Steps[3].Note != "lacks u1-1-7" {
		t.Errorf("witness: %+v", w)
	}
}

func TestStepWords(t *testing.T) {
	for _, test := range []struct {
		step     check.Step
		did, got string
	}{
		{check.Step{Kind: history.Login, Status: 200, Tokens: -1, Return: at(.002)}, "signed in", "ok (200), after 2.0 ms"},
		{check.Step{Kind: history.State, Status: 200, Tokens: 1, N: 4, Settle: true}, "read when all was quiet", "ok (200), 1 write shown, counter 4, after 0.0 ms"},
		{check.Step{Kind: history.Append, Token: "u1-1-1", Outcome: history.Unknown, Tokens: -1}, "wrote u1-1-1", "no answer, after 0.0 ms"},
		{check.Step{Kind: history.Incr, Status: 200, Tokens: -1, N: 3}, "counted up", "ok (200), number 3, after 0.0 ms"},
		{check.Step{Kind: history.Replay, Status: 401, Outcome: history.Failed, Anonymous: true}, "tried the old cookie", "not signed in (401), after 0.0 ms"},
		{check.Step{Kind: history.Slow, Status: 502, Outcome: history.Unknown, Return: -1}, "made a slow request", "failed (502)"},
	} {
		if s := newStep(1, test.step); s.Did != test.did || s.Got != test.got {
			t.Errorf("%q, %q; want %q, %q", s.Did, s.Got, test.did, test.got)
		}
	}
}

// Time in the picture is not to scale, but in order.
func TestWarpKeepsOrder(t *testing.T) {
	steps := []check.Step{{Call: at(1), Return: at(1.001)}, {Call: at(1.0005), Return: at(60)}, {Call: at(3600), Return: at(3600)}}
	w := newWarp(steps, check.Event{Event: history.Event{Triggered: at(30), Settled: at(7200)}}, true)
	moments := []float64{0, 1, 1.0003, 1.0005, 1.001, 30, 60, 3599, 3600, 9000}
	for i := 1; i < len(moments); i++ {
		a, b := w.x(at(moments[i-1])), w.x(at(moments[i]))
		if a > b || a == b && moments[i-1] >= 1 && moments[i] <= 3600 {
			t.Errorf("%v s is at %v and %v s at %v", moments[i-1], a, moments[i], b)
		}
	}
	if w.x(0) != w.left || w.right > w.left+maxWarp+200 {
		t.Errorf("from %v to %v", w.x(0), w.right)
	}
}

func TestAxis(t *testing.T) {
	for total, want := range map[time.Duration]time.Duration{
		5 * time.Millisecond: time.Millisecond, 20 * time.Second: 2 * time.Second, time.Minute: 10 * time.Second,
		2 * time.Minute: 20 * time.Second, 10 * time.Minute: time.Minute, 2 * time.Hour: 15 * time.Minute, 10 * time.Hour: time.Hour,
		0: time.Millisecond,
	} {
		if got := niceStep(total); got != want {
			t.Errorf("a step of %v in %v, want %v", got, total, want)
		}
	}
	for _, total := range []time.Duration{0, 1, time.Second, time.Hour, 1000 * time.Hour, 1<<63 - 1} {
		if n := len(axis{total: total}.ticks()); n < 1 || n > 12 {
			t.Errorf("%d ticks in %v", n, total)
		}
	}
	long := axis{total: time.Hour}
	for when, want := range map[time.Duration]string{0: "0:00", 80 * time.Second: "1:20", time.Hour + 2*time.Minute + 3*time.Second: "1:02:03"} {
		if got := long.clock(when); got != want {
			t.Errorf("%v is %s, want %s", when, got, want)
		}
	}
	if got := (axis{total: time.Minute}).clock(at(7.5)); got != "7.5 s" {
		t.Errorf("7.5 s is %s", got)
	}
}

// Instances that were not there at the same time share a row if there are many.
func TestPack(t *testing.T) {
	var s Snapshot
	const instances = 40
	for i := range instances {
		b := Bucket{Answers: make([]int, instances)}
		b.Answers[i] = 1
		if i > 0 {
			b.Answers[i-1] = 1
		}
		s.Instances = append(s.Instances, "x")
		s.Buckets = append(s.Buckets, b)
	}
	lanes, left := s.pack()
	seen := 0
	for _, l := range lanes {
		seen += len(l.instances)
	}
	if len(lanes) != 3 || left != 0 || seen != instances {
		t.Errorf("%d rows for %d instances, %d left", len(lanes), seen, left)
	}
	few := s
	few.Instances = s.Instances[:3]
	few.Buckets = []Bucket{{Answers: []int{1}}, {}, {Answers: []int{0, 1}}, {}, {Answers: []int{0, 0, 1}}}
	if lanes, _ := few.pack(); len(lanes) != 3 {
		t.Errorf("%d rows for 3 instances", len(lanes))
	}
	for i := range s.Buckets[0].Answers {
		s.Buckets[0].Answers[i] = 1
		s.Buckets[39].Answers[i] = 1
	}
	if lanes, left := s.pack(); len(lanes) != maxLanes || left != instances-maxLanes {
		t.Errorf("%d rows, %d left", len(lanes), left)
	}
}

// The parts of the run add up, and each has its own violations.
func TestPhaseRows(t *testing.T) {
	r := recorded(brokenRun())
	r.Outcome.Violations = append(r.Outcome.Violations, check.Violation{Guarantee: check.G10, At: at(3)}, check.Violation{Guarantee: check.G10, At: at(50)})
	var got [][4]string
	for _, row := range phaseRows(r) {
		got = append(got, [4]string{row.Name, row.Length, row.Failed, row.Violations})
	}
	// The second event never settles, so all is an event from 18.5 s on.
	want := [][4]string{{"before the first event", "15.0 s", "0", "1"}, {"during events", "43.8 s", "1", "4"}, {"between and after events", "1.0 s", "0", "1"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if controlSentence(r) != "In the first 15.0 s nothing was scaled, and users were hurt all the same (1 violation): the service harms users by itself. Do not blame scaling alone." {
		t.Error(controlSentence(r))
	}
	r.Outcome.Violations = []check.Violation{{Guarantee: check.G10, At: at(3), Unattributed: true}}
	if got := controlSentence(r); !strings.Contains(got, "sound at rest is not known") {
		t.Error(got)
	}
}

package check

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// planted is a history with what must be found in it.
type planted struct {
	name    string
	of      ID // the guarantee it is about
	opt     Options
	ops     []planned
	events  []history.Event
	windows []Window
	want    []string // "G1 lost u1 event 1 shop-1"; none: a near miss
	exposed map[ID]int
}

var (
	idle30s   = Options{IdleTimeout: 30 * time.Second}
	grace1s   = Options{RenewalGrace: time.Second}
	noGrace   = Options{RenewalGrace: -1}
	reset     = history.Failure{What: "reset"}
	resetGET  = history.Failure{What: "reset", Idempotent: true}
	maskedGET = history.Failure{What: "eof", Idempotent: true, Reused: true, Masked: true}
)

func TestPlanted(t *testing.T) {
	for _, p := range allPlanted() {
		t.Run(fmt.Sprintf("%v/%s", p.of, p.name), func(t *testing.T) {
			o := run(p.opt, p.ops, p.events, p.windows...)
			var got []string
			for _, v := range o.Violations {
				got = append(got, describe(v))
			}
			if !slices.Equal(got, p.want) {
				t.Errorf("found %q, want %q", got, p.want)
			}
			checkExposed(t, o, p.exposed)
			checkRows(t, o)
			for _, v := range o.Violations {
				checkViolation(t, v)
			}
		})
	}
}

// checkRows: the rows count what the violations show, and a drill-limited one
// is not bad.
func checkRows(t *testing.T, o Outcome) {
	t.Helper()
	want := map[ID]Guarantee{}
	for _, v := range o.Violations {
		g := want[v.Guarantee]
		switch {
		case v.Unattributed:
			g.Unattributed++
		case v.Grade == Lost:
			g.Lost++
		case v.Grade == Rollback:
			g.Rollback++
		case v.Grade == Stale:
			g.Stale++
		}
		if !v.Unattributed {
			g.Bad++
		}
		want[v.Guarantee] = g
	}
	for _, g := range o.Guarantees {
		got := Guarantee{Bad: g.Bad, Lost: g.Lost, Rollback: g.Rollback, Stale: g.Stale, Unattributed: g.Unattributed}
		if got != want[g.ID] {
			t.Errorf("%v: row %+v, want %+v", g.ID, got, want[g.ID])
		}
	}
}

func describe(v Violation) string {
	s := v.Guarantee.String()
	if v.Grade != NoGrade {
		s += " " + string(v.Grade)
	}
	s += " " + v.User
	if v.Event != 0 {
		s += fmt.Sprintf(" event %d", v.Event)
	}
	if v.Instance != "" {
		s += " " + v.Instance
	}
	if v.Unattributed {
		s += " unattributed"
	}
	return s
}

// checkViolation: whatever is found comes with a bracket, a sentence and a
// small witness that points at one operation.
func checkViolation(t *testing.T, v Violation) {
	t.Helper()
	if v.LastGood > v.At || v.LastGood < 0 {
		t.Errorf("%v: bracket (%v, %v]", v.Guarantee, v.LastGood, v.At)
	}
	if v.Detail == "" {
		t.Errorf("%v: no detail", v.Guarantee)
	}
	if len(v.Witness) == 0 || len(v.Witness) > maxSteps {
		t.Errorf("%v: a witness of %d steps", v.Guarantee, len(v.Witness))
	}
	notes := 0
	for _, step := range v.Witness {
		if step.Note != "" {
			notes++
		}
	}
	if notes != 1 {
		t.Errorf("%v: %d notes in the witness, want 1", v.Guarantee, notes)
	}
}

// A checker that has never failed is untested, and so is one that has never
// been right about a near miss.
func TestEveryGuaranteeHasBothKinds(t *testing.T) {
	found, clean := map[ID]int{}, map[ID]int{}
	for _, p := range allPlanted() {
		if len(p.want) == 0 {
			clean[p.of]++
		} else if run(p.opt, p.ops, p.events, p.windows...).Guarantee(p.of).Status == Fail {
			found[p.of]++
		}
	}
	for _, id := range IDs() {
		if found[id] == 0 || clean[id] == 0 {
			t.Errorf("%v: %d planted violations, %d near misses, want some of both", id, found[id], clean[id])
		}
	}
}

// Without timeouts and streams there is nothing to see of either.
func TestNotExercised(t *testing.T) {
	o := run(Options{IdleTimeout: 30 * time.Minute}, []planned{login(0, 1), look(2, 3, ""), look(4, 5, "")}, nil)
	for _, id := range []ID{G7, G11} {
		if g := o.Guarantee(id); g.Status != NotExercised || g.ID != id || g.BoundSession != 1 || g.BoundEvent != 1 {
			t.Errorf("%v: %+v, want a row that is not exercised", id, g)
		}
	}
	if len(o.Guarantees) != int(last) {
		t.Errorf("%d rows, want %d", len(o.Guarantees), last)
	}
}

func allPlanted() []planted {
	return slices.Concat(plantedSessions(), plantedTokens(), plantedCounters(), plantedIsolation(),
		plantedRenewals(), plantedLogouts(), plantedRequests(), plantedExpiry(), plantedStreams())
}

func plantedSessions() []planted {
	anon := func(call, ret int) planned { return look(call, ret, "").anonymous() }
	return []planted{
		{name: "lost once, asked often", of: G1, want: []string{"G1 lost u1 shop-1"}, exposed: map[ID]int{G1: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), anon(40, 50), anon(60, 70), anon(61, 72), login(80, 90).epoch(2), look(91, 99, "").epoch(2)}},
		{name: "lost in an event", of: G1, want: []string{"G1 lost u1 event 1 shop-2"}, exposed: map[ID]int{G1: 2},
			events: []history.Event{event(1, 100, 200), event(2, 5000, 6000)},
			ops: []planned{login(0, 10), look(20, 30, "").on("shop-2"), anon(300, 310), login(320, 330).epoch(2), look(340, 350, "").epoch(2),
				look(7000, 7010, "").epoch(2)}},
		{name: "lost for a write", of: G1, want: []string{"G1 lost u1 shop-1"},
			ops: []planned{login(0, 10), write("a", 40, 50).anonymous()}},
		{name: "came back", of: G1, want: []string{"G1 stale u1 shop-1"}, exposed: map[ID]int{G1: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), anon(40, 50), look(60, 70, "")}},
		{name: "two events survived", of: G1, exposed: map[ID]int{G1: 3},
			events: []history.Event{event(1, 100, 200), event(2, 300, 400)},
			ops: []planned{login(0, 10), look(20, 30, ""), look(450, 460, ""),
				login(0, 10).user(2), look(150, 160, "").user(2), look(250, 260, "").user(2), logout(290, 295).user(2)}},
		{name: "no crossing without a check after it has settled", of: G1, exposed: map[ID]int{G1: 0},
			events: []history.Event{event(1, 100, 200)},
			ops:    []planned{login(0, 10), look(20, 30, ""), look(150, 260, ""), login(105, 110).user(2), look(300, 310, "").user(2)}},
		{name: "without events twice checked", of: G1, exposed: map[ID]int{G1: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), look(40, 50, ""), login(0, 10).user(2), look(20, 30, "").user(2)}},
		{name: "a failed event is not lived through", of: G1, exposed: map[ID]int{G1: 0},
			events: []history.Event{{ID: 1, Kind: "kill", Triggered: ms(100), Terminating: -1, Ready: -1, Settled: ms(110), Err: "no such instance"}},
			ops:    []planned{login(0, 10), look(20, 30, ""), look(300, 310, "")}},
		{name: "overlapping a logout that returns later", of: G1,
			ops: []planned{login(0, 10), look(20, 30, ""), logout(40, 80), anon(45, 60), write("a", 38, 50).anonymous()}},
		{name: "overlapping a logout of unknown outcome", of: G1,
			ops: []planned{login(0, 10), logout(40, 80).unknown(), anon(45, 60), anon(90, 95)}},
		{name: "called before its login had returned", of: G1,
			ops: []planned{login(0, 10), anon(5, 20)}},
		{name: "login of unknown outcome", of: G1,
			ops: []planned{login(0, 10).unknown(), anon(15, 20)}},
		{name: "overlapping the next login", of: G1,
			ops: []planned{login(0, 10), look(12, 14, ""), login(20, 60).epoch(2), anon(15, 30), look(70, 80, "").epoch(2)}},
		{name: "idle too long", of: G1, opt: idle30s,
			ops: []planned{login(0, 10), look(20, 30, ""), anon(27100, 27130)}},
		{name: "gone well before the idle timeout", of: G1, opt: idle30s, want: []string{"G1 lost u1 shop-1"},
			ops: []planned{login(0, 10), look(20, 30, ""), anon(26900, 26950)}},
		{name: "beyond the absolute timeout", of: G1, opt: Options{AbsoluteTimeout: time.Second},
			ops: []planned{login(0, 10), look(700, 710, ""), anon(750, 810)}},
		{name: "a marker page", of: G1, exposed: map[ID]int{G1: 1, G3: 0},
			ops: []planned{login(0, 10), look(20, 30, ""), write("a", 31, 33), markerOnly(look(40, 50, ""))}},
		{name: "in a drill-limited window", of: G1, want: []string{"G1 lost u1 shop-1 unattributed"},
			windows: []Window{{From: ms(45), To: ms(48)}, {From: ms(47), To: ms(55)}},
			ops:     []planned{login(0, 10), look(20, 30, ""), anon(40, 50)}},
	}
}

func markerOnly(p planned) planned { p.Seen.MarkerOnly = true; return p }

func plantedTokens() []planted {
	return []planted{
		{name: "acknowledged and never seen", of: G4, want: []string{"G4 lost u1 shop-2"}, exposed: map[ID]int{G3: 2, G4: 2},
			ops: []planned{login(0, 1), write("a", 2, 9).on("shop-2"), write("b", 3, 8), look(20, 30, "b"), settle(40, 50, "b")}},
		{name: "seen and gone for good", of: G4, want: []string{"G4 rollback u1 event 1 shop-1"}, exposed: map[ID]int{G2: 1, G4: 1},
			events: []history.Event{event(1, 32, 35)},
			ops:    []planned{login(0, 1), write("a", 2, 9), look(20, 30, "a"), settle(40, 50, "")}},
		{name: "of two overlapping writes one survives", of: G4, want: []string{"G4 lost u1 shop-1"}, exposed: map[ID]int{G4: 2},
			ops: []planned{login(0, 1), write("a", 2, 9), write("b", 3, 8), settle(40, 50, "a")}},
		{name: "gone at a second settle read", of: G4, want: []string{"G4 rollback u1 shop-1"}, exposed: map[ID]int{G4: 1},
			ops: []planned{login(0, 1), write("a", 2, 9), settle(20, 30, "a"), settle(40, 50, "")}},
		{name: "acknowledged during the settle read", of: G4, exposed: map[ID]int{G4: 0},
			ops: []planned{login(0, 1), write("a", 2, 25), settle(20, 30, "")}},
		{name: "unknown and never seen", of: G4, exposed: map[ID]int{G4: 0},
			ops: []planned{login(0, 1), write("a", 2, 9).unknown(), look(20, 30, ""), settle(40, 50, "")}},
		{name: "failed and never seen", of: G4, exposed: map[ID]int{G4: 0},
			ops: []planned{login(0, 1), write("a", 2, 9).refusedByService(), settle(40, 50, "")}},
		{name: "of the epoch before", of: G4,
			ops: []planned{login(0, 1), write("a", 2, 9), settle(20, 30, "a"), logout(40, 50), login(60, 70).epoch(2), settle(80, 90, "").epoch(2)}},
		{name: "in a session that was lost", of: G4, exposed: map[ID]int{G4: 0}, want: []string{"G1 lost u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 9), settle(40, 50, "a").anonymous(), login(60, 70).epoch(2), settle(80, 90, "").epoch(2)}},
		{name: "a settle read that failed", of: G4, exposed: map[ID]int{G4: 1},
			ops: []planned{login(0, 1), write("a", 2, 9), unsettled(settle(40, 50, "")), settle(60, 70, "a")}},

		{name: "seen, missing, back", of: G2, want: []string{"G2 stale u1 shop-2"}, exposed: map[ID]int{G2: 1},
			ops: []planned{login(0, 1), write("a", 2, 9), look(10, 20, "a"), look(30, 40, "").on("shop-2"), look(50, 60, "a"), settle(70, 80, "a")}},
		{name: "missing twice is one", of: G2, want: []string{"G2 stale u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 9), look(10, 20, "a"), look(30, 40, ""), look(50, 60, "a"), look(61, 62, ""), settle(70, 80, "a")}},
		{name: "seen and missing, no settle read", of: G2, want: []string{"G2 stale u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 9), look(10, 20, "a"), look(30, 40, "")}},
		{name: "unknown, seen and gone", of: G2, want: []string{"G2 rollback u1"}, exposed: map[ID]int{G2: 1, G4: 0},
			ops: []planned{login(0, 1), write("a", 2, 9).unknown(), look(10, 20, "a"), settle(70, 80, "")}},
		{name: "overlapping reads that are no chain", of: G2, want: []string{"G2 stale u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 50), write("b", 3, 51), look(10, 40, "a"), look(11, 41, "b"), settle(70, 80, "a b")}},
		{name: "overlapping reads that are a chain", of: G2,
			ops: []planned{login(0, 1), write("a", 2, 50), write("b", 3, 51), look(10, 40, "a"), look(11, 41, ""), look(12, 42, "b a"), settle(70, 80, "a b")}},
		{name: "overlapping the read that saw it", of: G2,
			ops: []planned{login(0, 1), write("a", 2, 50), look(10, 40, "a"), look(39, 45, ""), settle(70, 80, "a")}},
		{name: "unknown, and seen late", of: G2, exposed: map[ID]int{G2: 1},
			ops: []planned{login(0, 1), write("a", 2, 9).unknown(), look(10, 20, ""), look(30, 40, "a"), settle(70, 80, "a")}},
		{name: "what is not a token comes and goes", of: G2,
			ops: []planned{login(0, 1), stray(look(10, 20, ""), "milk"), look(30, 40, ""), stray(look(50, 60, ""), "milk")}},

		{name: "not yet there", of: G3, want: []string{"G3 stale u1 shop-2"}, exposed: map[ID]int{G2: 1, G3: 1},
			ops: []planned{login(0, 1), write("a", 2, 9), look(10, 20, "").on("shop-2"), look(30, 40, "a"), settle(50, 60, "a")}},
		{name: "not yet there, no settle read", of: G3, want: []string{"G3 stale u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 9), look(10, 20, "")}},
		{name: "lost, but it came back after the settle read", of: G3, want: []string{"G3 stale u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 9), settle(10, 20, ""), settle(30, 40, "a")}},
		{name: "overlapping its write", of: G3,
			ops: []planned{login(0, 1), write("a", 2, 20), look(10, 30, ""), settle(40, 50, "a")}},
		{name: "called when its write returned", of: G3,
			ops: []planned{login(0, 1), write("a", 2, 20), look(20, 30, ""), settle(40, 50, "a")}},

		{name: "twice in one read", of: G12, want: []string{"G12 u1 shop-1"}, exposed: map[ID]int{G12: 2},
			ops: []planned{login(0, 1), write("a", 2, 9), write("b", 3, 10), look(20, 30, "a b a"), settle(40, 50, "a b a")}},
		{name: "thrice is one", of: G12, want: []string{"G12 u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 9).unknown(), settle(40, 50, "a a a")}},
		{name: "in two reads", of: G12, exposed: map[ID]int{G12: 1},
			ops: []planned{login(0, 1), write("a", 2, 9), look(20, 30, "a"), settle(40, 50, "a")}},
	}
}

func unsettled(p planned) planned { return p.failing(resetGETMasked()) }

// resetGETMasked is a failure that G10 does not count, on an operation that
// has no answer all the same.
func resetGETMasked() history.Failure { return maskedGET }

func stray(p planned, text string) planned {
	p.Seen.Tokens = []string{text + ":x"}
	return p
}

func plantedCounters() []planted {
	return []planted{
		{name: "same ticket", of: G5, want: []string{"G5 lost u1 shop-1"}, exposed: map[ID]int{G5: 4},
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 10), incr(2, 5, 11), settle(20, 30, "").count(3)}},
		{name: "lower ticket later", of: G5, want: []string{"G5 lost u1 shop-1"},
			ops: []planned{login(0, 1), incr(2, 2, 3), incr(1, 4, 5), settle(20, 30, "").count(2)}},
		{name: "final count is short", of: G5, want: []string{"G5 lost u1 shop-1"},
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5), settle(20, 30, "").count(1)}},
		{name: "final count is below a ticket", of: G5, want: []string{"G5 lost u1 shop-1"},
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5).unknown(), incr(3, 6, 7), settle(20, 30, "").count(2)}},
		{name: "final count goes back", of: G5, want: []string{"G5 lost u1 shop-1"},
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5).unknown(), settle(20, 30, "").count(2), settle(40, 50, "").count(1)}},
		{name: "ticket was counted before", of: G5, want: []string{"G5 lost u1 shop-1"},
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5).unknown(), settle(20, 30, "").count(2), incr(2, 40, 41), settle(50, 60, "").count(2)}},
		{name: "ticket that no increment gives", of: G5, want: []string{"G5 lost u1 shop-1"},
			ops: []planned{login(0, 1), incr(0, 2, 3), settle(20, 30, "").count(1)}},
		{name: "unknown counted between settle reads", of: G5,
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5).unknown(), settle(20, 30, "").count(1), settle(40, 50, "").count(2), incr(3, 60, 61), settle(70, 80, "").count(3)}},
		{name: "counted twice", of: G5, want: []string{"G5 u1 shop-1"},
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5).unknown(), settle(20, 30, "").count(3)}},
		{name: "overlapping in any order", of: G5, exposed: map[ID]int{G5: 4},
			ops: []planned{login(0, 1), incr(3, 2, 13), incr(1, 4, 15), incr(2, 5, 16), settle(20, 30, "").count(3)}},
		{name: "unknown counted", of: G5,
			ops: []planned{login(0, 1), incr(1, 2, 3).unknown(), incr(2, 4, 5), settle(20, 30, "").count(2)}},
		{name: "ticket returned during the settle read", of: G5,
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 25), settle(20, 30, "").count(1)}},
		{name: "counted in an answer that was another's", of: G6, want: []string{"G6 u1 shop-1"},
			ops: []planned{login(0, 1), incr(7, 2, 3).showing("u2"), incr(2, 4, 5), settle(20, 30, "").count(2)}},
		{name: "unknown not counted", of: G5,
			ops: []planned{login(0, 1), incr(1, 2, 3).unknown(), incr(1, 4, 5), settle(20, 30, "").count(1)}},
		{name: "an intermediate read is behind", of: G5,
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5), look(6, 7, "").count(1), settle(20, 30, "").count(2)}},
		{name: "carried over from a session that was not logged out", of: G5,
			ops: []planned{login(0, 1), incr(1, 2, 3), incr(2, 4, 5), login(10, 11).epoch(2), incr(3, 12, 13).epoch(2), settle(20, 30, "").count(3).epoch(2)}},
		{name: "carried over from a session that was logged out", of: G5, want: []string{"G5 u1 shop-1"},
			ops: []planned{login(0, 1), incr(1, 2, 3), logout(4, 5), login(10, 11).epoch(2), incr(2, 12, 13).epoch(2), settle(20, 30, "").count(2).epoch(2)}},
	}
}

func plantedIsolation() []planted {
	return []planted{
		{name: "marker of another", of: G6, want: []string{"G6 u1 shop-1"}, exposed: map[ID]int{G6: 2, G4: 0},
			ops: []planned{login(0, 1), write("a", 2, 9), look(10, 20, "2:z").showing("u2"), settle(30, 40, "a").unknown(), look(50, 60, "a")}},
		{name: "token of another", of: G6, want: []string{"G6 u1 shop-1"},
			ops: []planned{login(0, 1), write("a", 2, 9), look(10, 20, "a 2:z"), settle(30, 40, "a")}},
		{name: "cookie of another", of: G6, want: []string{"G6 u1 shop-1"},
			ops: []planned{login(0, 1).user(2).sets("c2"), look(2, 9, "").user(2), login(10, 20).sets("c2")}},
		{name: "replay shows another", of: G6, want: []string{"G6 u1 shop-1"}, exposed: map[ID]int{G9: 0},
			ops: []planned{login(0, 1), logout(2, 9), replay(10, 20).opens("").showing("u2")}},
		{name: "own in flight, own cookie again", of: G6, exposed: map[ID]int{G6: 5},
			ops: []planned{login(0, 1).sets("c1"), look(2, 9, "a").sets("c1"), write("a", 1, 19), settle(20, 30, "a"),
				login(31, 32).user(2).sets("c2"), logout(40, 50).user(2).sets("gone"), logout(40, 51).sets("gone"),
				look(52, 60, "").sets("").epoch(1).unknown(), login(70, 71).user(3).sets("c3")}},
	}
}

func plantedRenewals() []planted {
	anon := func(call, ret int) planned { return look(call, ret, "").anonymous() }
	return []planted{
		{name: "login keeps the ID", of: G8, want: []string{"G8 u1 shop-1"}, exposed: map[ID]int{G8: 1},
			ops: []planned{login(0, 1).sent("c0").sets("c0")}},
		{name: "login sets no cookie over another", of: G8, want: []string{"G8 u1 shop-1"},
			ops: []planned{login(0, 1).sent("c0")}},
		{name: "rotate keeps the ID", of: G8, want: []string{"G8 u1 shop-1"}, exposed: map[ID]int{G8: 2},
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 2, 9), rotate("c1", 10, 20)}},
		{name: "rotate gives none", of: G8, want: []string{"G8 u1 shop-1"}, exposed: map[ID]int{G8: 1},
			ops: []planned{login(0, 1).sets("c1"), rotate("", 2, 9)}},
		{name: "anonymous while renewing", of: G8, want: []string{"G8 stale u1 shop-1"}, exposed: map[ID]int{G8: 1},
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30), anon(12, 20), anon(13, 35), look(40, 50, "")}},
		{name: "anonymous while renewing, given up", of: G8, want: []string{"G8 lost u1 shop-1"},
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30), anon(12, 20), login(40, 50).epoch(2)}},
		{name: "old ID in its grace is turned away", of: G8, want: []string{"G8 stale u1 shop-1"},
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30).sent("c1"), anon(32, 40).sent("c1"), look(50, 60, "").sent("c2")}},
		{name: "old ID alive after its grace", of: G8, opt: grace1s, want: []string{"G8 u1 shop-1"},
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30).sent("c1"), look(40, 50, ""), replay(1300, 1310).sent("c1").opens("")}},
		{name: "lost although it was renewed", of: G1, want: []string{"G1 lost u1 shop-1"},
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30), anon(12, 20), anon(40, 50)}},

		{name: "new IDs throughout", of: G8, exposed: map[ID]int{G8: 3},
			ops: []planned{login(0, 1).sent("c0").sets("c1"), rotate("c2", 2, 9), rotate("c3", 10, 20)}},
		{name: "two overlapping renewals share the new ID", of: G8,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 2, 9), rotate("c2", 3, 10), rotate("", 4, 12)}},
		{name: "old ID alive in its grace", of: G8, opt: grace1s,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30), look(40, 50, ""), replay(1200, 1210).sent("c1").opens("")}},
		{name: "old ID alive until the new one is used", of: G8, opt: grace1s,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30), replay(1300, 1310).sent("c1").opens("")}},
		{name: "current ID replayed", of: G8, opt: grace1s,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30), look(40, 50, ""), replay(1300, 1310).sent("c2").opens("")}},
		{name: "unknown renewal, old ID gone after the grace", of: G8, opt: grace1s,
			ops: []planned{login(0, 1).sets("c1"), rotate("", 10, 30).unknown(), look(40, 50, ""), anon(1100, 1110)}},
		{name: "unknown renewal, old ID gone in its grace", of: G1, opt: grace1s, want: []string{"G1 lost u1 shop-1"},
			ops: []planned{login(0, 1).sets("c1"), rotate("", 10, 30).unknown(), look(40, 50, ""), anon(300, 310)}},
		{name: "unknown renewal, then one without a new ID", of: G8,
			ops: []planned{login(0, 1).sets("c1"), rotate("", 10, 30).unknown(), rotate("", 40, 50)}},
		{name: "same ID replaced by an earlier renewal", of: G8,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30).sent("c1"), rotate("", 31, 50).sent("c1")}},
		{name: "two overlapping renewals, either ID alive", of: G8, opt: grace1s,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 2, 9), rotate("c3", 3, 10), look(40, 50, ""), replay(1300, 1310).sent("c2").opens("")}},
		{name: "turned away with an ID that was renewed long ago", of: G8, opt: grace1s,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30).sent("c1"), anon(1500, 1510).sent("c1"), look(1520, 1530, "")}},
		{name: "a service without grace", of: G8, opt: noGrace,
			ops: []planned{login(0, 1).sets("c1"), rotate("c2", 10, 30), anon(12, 20), look(40, 50, "")}},
	}
}

func plantedLogouts() []planted {
	return []planted{
		{name: "undone", of: G9, want: []string{"G9 u1 shop-1"}, exposed: map[ID]int{G9: 1},
			ops: []planned{login(0, 1), look(2, 3, ""), logout(10, 20), replay(30, 40).opens("")}},
		{name: "undone by a request in flight, once", of: G9, want: []string{"G9 u1 shop-1"}, exposed: map[ID]int{G9: 1},
			ops: []planned{login(0, 1), write("a", 5, 45), logout(10, 20), replay(30, 40), replay(50, 60).opens("a"), replay(70, 80).opens("a"),
				login(90, 95).epoch(2), login(100, 105).epoch(3), replay(110, 120).opens("a")}},
		{name: "the session goes on", of: G9, want: []string{"G9 u1 shop-1"},
			ops: []planned{login(0, 1), logout(10, 20), look(30, 40, "")}},
		{name: "final, three times looked", of: G9, exposed: map[ID]int{G9: 1},
			ops: []planned{login(0, 1), logout(10, 20), replay(30, 40), login(50, 60).epoch(2), look(61, 62, "").epoch(2), replay(70, 80), replay(90, 95)}},
		{name: "answered before the logout had returned", of: G9, exposed: map[ID]int{G9: 0},
			ops: []planned{login(0, 1), logout(10, 30), look(11, 20, ""), replay(25, 40).opens("")}},
		{name: "logout of unknown outcome", of: G9, exposed: map[ID]int{G9: 0},
			ops: []planned{login(0, 1), logout(10, 20).unknown(), replay(30, 40).opens("")}},
		{name: "replay without an answer", of: G9, exposed: map[ID]int{G9: 0},
			ops: []planned{login(0, 1), logout(10, 20), replayFails(30, 40)}},
		{name: "login page in its place", of: G9, exposed: map[ID]int{G9: 1},
			ops: []planned{login(0, 1), logout(10, 20), replay(30, 40).opens("").showing("")}},
	}
}

func replayFails(call, ret int) planned {
	p := plan(history.Replay, call, ret, history.OK)
	return p.failing(maskedGET)
}

func plantedRequests() []planted {
	kill := []history.Event{killed(event(1, 100, 200), "shop-1", 105)}
	return []planted{
		{name: "a POST fails", of: G10, want: []string{"G10 u1"}, exposed: map[ID]int{G10: 2},
			ops: []planned{login(0, 1), write("a", 10, 20).failing(reset)}},
		{name: "a GET fails", of: G10, want: []string{"G10 u1"},
			ops: []planned{login(0, 1), look(10, 20, "").failing(resetGET)}},
		{name: "a POST that claims to be masked", of: G10, want: []string{"G10 u1"},
			ops: []planned{login(0, 1), write("a", 10, 20).failing(history.Failure{What: "eof", Reused: true, Masked: true})}},
		{name: "a GET on a new connection that claims to be masked", of: G10, want: []string{"G10 u1"},
			ops: []planned{login(0, 1), look(10, 20, "").failing(history.Failure{What: "eof", Idempotent: true, Masked: true})}},
		{name: "a slow one", of: G10, want: []string{"G10 u1"},
			ops: []planned{login(0, 1), plan(history.Slow, 10, 20, history.OK).failing(resetGET)}},
		{name: "a POST after the kill", of: G10, want: []string{"G10 u1 event 1"}, events: kill,
			ops: []planned{login(0, 1), write("a", 156, 170).failing(reset)}},
		{name: "a POST before the kill", of: G10, want: []string{"G10 u1 event 1"}, events: kill,
			ops: []planned{login(0, 1), write("a", 90, 104).failing(reset)}},
		{name: "a GET at the kill", of: G10, want: []string{"G10 u1 event 1"}, events: kill,
			ops: []planned{login(0, 1), look(100, 110, "").failing(resetGET)}},
		{name: "a POST at the kill to another instance", of: G10, want: []string{"G10 u1 event 1 shop-2"}, events: kill,
			ops: []planned{login(0, 1), write("a", 100, 110).failing(reset).on("shop-2")}},
		{name: "at an end that was no kill", of: G10, want: []string{"G10 u1 event 1"}, events: []history.Event{event(1, 100, 200)},
			ops: []planned{login(0, 1), write("a", 100, 110).failing(reset)}},
		{name: "timed out over a drill-limited window", of: G10, want: []string{"G10 u1 unattributed"}, windows: []Window{{From: ms(12), To: ms(14)}},
			ops: []planned{login(0, 1), write("a", 10, 20).failing(history.Failure{What: "timeout"})}},
		{name: "masked", of: G10, exposed: map[ID]int{G10: 2},
			ops: []planned{login(0, 1), look(10, 20, "").failing(maskedGET)}},
		{name: "a POST at the kill", of: G10, events: kill,
			ops: []planned{login(0, 1), write("a", 100, 110).failing(reset), write("b", 100, 110).failing(reset).on("shop-1")}},
		{name: "a POST while the signal was on its way", of: G10, events: kill,
			ops: []planned{login(0, 1), write("a", 120, 160).failing(reset)}},
		{name: "anonymous is an answer", of: G10,
			ops: []planned{login(0, 1), logout(2, 3), failingReplay(10, 20)}},
	}
}

func failingReplay(call, ret int) planned {
	p := replay(call, ret)
	p.Failure = &history.Failure{What: "status", Idempotent: true, Answered: true}
	return p
}

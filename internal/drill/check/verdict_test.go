package check

import (
	"math"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func TestUpperBound(t *testing.T) {
	for _, test := range []struct {
		bad, n int
		want   float64
	}{
		{0, 20, 0.139108},    // 1 - 0.05^(1/20)
		{0, 59, 0.049507},    // fewer than 5 % of events
		{0, 300, 0.009936},   // fewer than 1 %
		{0, 2400, 0.0012474}, // just below 3.00/n
		{0, 2995731, 1e-6},
		{1, 10, 0.394163}, // tables of Clopper and Pearson, one-sided 95 %
		{2, 20, 0.282619},
		{5, 10, 0.777559},
		{9, 10, 0.994884},
		{0, 0, 1}, {3, 3, 1}, {5, 3, 1},
	} {
		if got := UpperBound(test.bad, test.n); math.Abs(got-test.want) > 2e-6+test.want*2e-4 {
			t.Errorf("UpperBound(%d, %d) = %.7f, want %.7f", test.bad, test.n, got, test.want)
		}
	}
	// By its definition: at the bound, so few bad ones have a probability of 5 %.
	for _, test := range []struct{ bad, n int }{{1, 5}, {3, 40}, {17, 60}, {100, 1000}} {
		p, sum := UpperBound(test.bad, test.n), 0.0
		for k := range test.bad + 1 {
			choose := 1.0
			for i := range k {
				choose *= float64(test.n-i) / float64(i+1)
			}
			sum += choose * math.Pow(p, float64(k)) * math.Pow(1-p, float64(test.n-k))
		}
		if math.Abs(sum-0.05) > 1e-9 {
			t.Errorf("UpperBound(%d, %d) = %v: probability %v, want 0.05", test.bad, test.n, p, sum)
		}
	}
}

func outcome(status map[ID]Status) Outcome {
	var o Outcome
	for _, id := range IDs() {
		s := status[id]
		if s == "" {
			s = Pass
		}
		o.Guarantees = append(o.Guarantees, Guarantee{ID: id, Status: s})
	}
	return o
}

func TestJudge(t *testing.T) {
	failedEvent := []Event{{Event: history.Event{ID: 1, Err: "exit status 1"}}}
	late := []string{"the drill was late"}
	for _, test := range []struct {
		name     string
		o        Outcome
		events   []Event
		reasons  []string
		required []ID
		allowed  []ID
		want     Verdict
		exit     int
	}{
		{"pass", outcome(nil), nil, nil, IDs(), nil, VerdictPass, 0},
		{"not exercised", outcome(map[ID]Status{G7: NotExercised}), nil, nil, Required(TierProbe), nil, VerdictNotExercised, 3},
		{"allowed", outcome(map[ID]Status{G7: NotExercised, G11: NotExercised}), nil, nil, Required(TierProbe), []ID{G7, G11}, VerdictPass, 0},
		{"not required", outcome(map[ID]Status{G7: NotExercised, G11: NotExercised}), nil, nil, RequiredDemo(), nil, VerdictPass, 0},
		{"inconclusive before not exercised", outcome(map[ID]Status{G1: NotExercised}), nil, late, IDs(), nil, VerdictInconclusive, 3},
		{"failed event before inconclusive", outcome(nil), failedEvent, late, IDs(), nil, VerdictEventFailed, 4},
		{"fail before all", outcome(map[ID]Status{G1: NotExercised, G4: Fail}), failedEvent, late, IDs(), nil, VerdictFail, 1},
		{"fail of what is not required", outcome(map[ID]Status{G5: Fail}), nil, nil, Required(TierMarker), nil, VerdictFail, 1},
		{"nothing at all", Outcome{}, nil, nil, RequiredDemo(), nil, VerdictNotExercised, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.o.Events, test.o.Inconclusive = test.events, test.reasons
			got := Judge(test.o, test.required, test.allowed)
			if got != test.want || got.ExitCode() != test.exit {
				t.Errorf("%s, exit %d, want %s, %d", got, got.ExitCode(), test.want, test.exit)
			}
		})
	}
}

func TestRequired(t *testing.T) {
	for tier, n := range map[Tier]int{TierMarker: 5, TierJourney: 9, TierProbe: 12} {
		if got := Required(tier); len(got) != n || !slices.IsSorted(got) {
			t.Errorf("tier %d requires %v, want %d", tier, got, n)
		}
	}
	if slices.Contains(RequiredDemo(), G7) || slices.Contains(RequiredDemo(), G11) || len(RequiredDemo()) != 10 {
		t.Errorf("the demo requires %v", RequiredDemo())
	}
	for _, id := range IDs() {
		if got, ok := ParseID(id.String()); !ok || got != id || id.Name() == "unknown" {
			t.Errorf("%v is read as %v, %v", id, got, ok)
		}
	}
	if _, ok := ParseID("G13"); ok {
		t.Error("G13 is read")
	}
}

func TestBlame(t *testing.T) {
	failed := history.Event{ID: 4, Triggered: ms(900), Terminating: ms(910), Ready: -1, Settled: -1, Err: "no"}
	underWay := history.Event{ID: 5, Triggered: ms(2000), Terminating: -1, Ready: -1, Settled: -1}
	events := []history.Event{event(1, 100, 200), event(2, 250, 300), event(3, 280, 400), failed, underWay}
	for _, test := range []struct {
		lastGood, at, tail int
		want               int
	}{
		{50, 99, 50, 0},
		{50, 100, 50, 1},
		{249, 249, 50, 1},  // in the tail
		{250, 251, 0, 2},   // no tail
		{150, 500, 50, 3},  // the latest that it meets
		{450, 500, 50, 0},  // the bracket begins after the tail
		{449, 500, 50, 3},  // and just before
		{920, 950, 50, 4},  // a failed one may have done harm
		{970, 990, 50, 0},  // for so long
		{1990, 2e6, 50, 5}, // one that never ended
	} {
		if got := blame(events, ms(test.lastGood), ms(test.at), ms(test.tail)); got != test.want {
			t.Errorf("(%d, %d] with a tail of %d is event %d's, want %d", test.lastGood, test.at, test.tail, got, test.want)
		}
	}
}

func TestWindows(t *testing.T) {
	ops := []planned{login(0, 1), look(10, 20, ""), look(9990, 10000, "")}
	for _, test := range []struct {
		windows []Window
		limited float64
		verdict Verdict
	}{
		{nil, 0, VerdictPass},
		{[]Window{{ms(100), ms(150)}, {ms(120), ms(190)}}, 0.009, VerdictPass},
		{[]Window{{ms(5000), ms(5060)}, {ms(100), ms(150)}}, 0.011, VerdictInconclusive},
		{[]Window{{ms(9900), ms(99999)}}, 0.01, VerdictPass}, // what is after the end does not count
	} {
		o := run(Options{}, ops, nil, test.windows...)
		if math.Abs(o.Limited-test.limited) > 1e-9 {
			t.Errorf("%v: %v of the time, want %v", test.windows, o.Limited, test.limited)
		}
		if got := Judge(o, []ID{G1}, nil); got != test.verdict {
			t.Errorf("%v: %s, want %s", test.windows, got, test.verdict)
		}
	}
}

func TestEventsInOutcome(t *testing.T) {
	failed := history.Event{ID: 3, Kind: "kill", Triggered: ms(900), Terminating: -1, Ready: -1, Settled: ms(910), Err: "no"}
	var ops []planned
	for user := range 3 {
		ops = append(ops, login(0, 1).user(user), look(2, 3, "").user(user), look(600, 610, "").user(user))
	}
	ops = append(ops, look(250, 260, "").user(2).anonymous(), look(262, 263, "").user(2).anonymous())
	ops = slices.DeleteFunc(ops, func(p planned) bool { return p.User == 2 && p.Call == ms(600) })
	o := run(Options{}, ops, []history.Event{event(1, 100, 200), event(2, 300, 400), failed})
	if len(o.Events) != 3 {
		t.Fatalf("%d events", len(o.Events))
	}
	for i, want := range []struct{ crossings, bad int }{{3, 1}, {2, 0}, {0, 0}} {
		if e := o.Events[i]; e.Crossings != want.crossings || e.Bad[G1] != want.bad {
			t.Errorf("event %d: %d crossings, %d bad, want %+v", e.ID, e.Crossings, e.Bad[G1], want)
		}
	}
	g := o.Guarantee(G1)
	if g.Exposed != 5 || g.Bad != 1 || g.Lost != 1 {
		t.Errorf("G1: %+v, want 1 of 5 lost", g)
	}
	if g.BoundSession != UpperBound(1, 5) || g.BoundEvent != UpperBound(1, 2) {
		t.Errorf("G1: bounds %v and %v, want those of 1 in 5 and 1 in 2", g.BoundSession, g.BoundEvent)
	}
	if Judge(o, []ID{G1}, nil) != VerdictFail {
		t.Error("a lost session does not fail")
	}
}

// What is suspected while a run goes on, and when it is filed.
func TestProgress(t *testing.T) {
	c := New(Options{})
	see := func(want string, id ID, bad, suspect int, ops ...planned) {
		t.Helper()
		for _, p := range ops {
			c.Observe(p.finish())
		}
		if p := c.Progress(); p.Bad[id] != bad || p.Suspect[id] != suspect {
			t.Errorf("%s: %v has %d bad, %d suspected, want %d and %d", want, id, p.Bad[id], p.Suspect[id], bad, suspect)
		}
	}
	see("missing", G3, 0, 1, login(0, 1), write("a", 2, 3), look(4, 5, ""))
	see("gone", G4, 0, 1, settle(6, 7, ""))
	see("gone, so not stale", G3, 0, 0)
	see("anonymous", G1, 0, 1, look(8, 9, "").anonymous())
	see("explained by a logout that was on its way", G1, 0, 0, logout(8, 12))
	see("closed", G4, 1, 0, login(20, 21).epoch(2), login(30, 31).epoch(3))
	if got := c.Progress().Requests.Sent; got != 8 {
		t.Errorf("%d requests, want 8", got)
	}
	if bad := badOf(c.Finish()); bad[G4] != 1 || len(bad) != 1 {
		t.Errorf("found %v", bad)
	}
	if bad := badOf(c.Finish()); bad[G4] != 1 || len(bad) != 1 {
		t.Errorf("found %v the second time", bad)
	}
}

// Memory stays bounded, and what is beyond is still counted.
func TestBounds(t *testing.T) {
	c := New(Options{Witnesses: 3})
	c.Observe(login(0, 1).finish())
	n := 0
	for epoch := 1; epoch < 200; epoch++ {
		for i := range 10 {
			at := epoch*100 + i*2
			c.Observe(write("t"+string(rune('a'+i)), at, at+1).epoch(epoch).failing(history.Failure{What: "reset"}).finish())
			n++
		}
	}
	u := c.shards[1].users[1]
	if len(u.recent) != recentOps || len(u.open) > openEpochs || len(u.ended) > endedEpochs {
		t.Errorf("%d operations, %d open and %d ended epochs", len(u.recent), len(u.open), len(u.ended))
	}
	o := c.Finish()
	if o.Guarantee(G10).Bad != n || len(o.Violations) != maxKept {
		t.Errorf("%d bad and %d violations, want %d and %d", o.Guarantee(G10).Bad, len(o.Violations), n, maxKept)
	}
	for i, v := range o.Violations {
		if (len(v.Witness) > 0) != (i < 3) {
			t.Errorf("violation %d has a witness of %d steps", i, len(v.Witness))
		}
	}
}

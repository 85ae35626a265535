package matrix

import (
	"fmt"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// found are the guarantees with violations, in whatever window.
func found(out check.Outcome) map[check.ID]int {
	counts := map[check.ID]int{}
	for _, g := range out.Guarantees {
		if n := g.Bad + g.Unattributed; n > 0 {
			counts[g.ID] = n
		}
	}
	return counts
}

// wrongly are the guarantees that are blamed and not broken.
func wrongly(f planted, out check.Outcome) (ids []check.ID) {
	for _, id := range check.IDs() {
		if found(out)[id] > 0 && !slices.Contains(f.finds, id) && !slices.Contains(f.allows, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// innocent fails the test for each of them.
func innocent(t *testing.T, f planted, out check.Outcome) {
	t.Helper()
	for _, id := range wrongly(f, out) {
		t.Errorf("%v (%s) is blamed %d times and is not broken", id, id.Name(), found(out)[id])
		blamed(t, out, id)
	}
}

// lacks says what a fault had to show and did not: each guarantee that it
// breaks, laid at the event's door if it is the event's, and a verdict, unless
// the drill was late itself.
func lacks(f planted, out check.Outcome) (missing []string) {
	counts := found(out)
	for _, id := range f.finds {
		if counts[id] == 0 {
			missing = append(missing, fmt.Sprintf("%v found, in %d exposures", id, out.Guarantee(id).Exposed))
		}
	}
	atEvent := slices.ContainsFunc(out.Violations, func(v check.Violation) bool {
		return v.Event == 1 && slices.Contains(f.finds, v.Guarantee)
	})
	if f.atEvent && !atEvent {
		missing = append(missing, "a violation attributed to the event")
	}
	if verdict := check.Judge(out, nil, nil); out.Limited == 0 && verdict != check.VerdictFail {
		missing = append(missing, fmt.Sprintf("the verdict fail, not %s", verdict))
	}
	return missing
}

// blamed shows the first violation of a guarantee.
func blamed(t *testing.T, out check.Outcome, id check.ID) {
	t.Helper()
	i := slices.IndexFunc(out.Violations, func(v check.Violation) bool { return v.Guarantee == id })
	if i < 0 {
		return
	}
	v := out.Violations[i]
	t.Logf("%v %s at %v, event %d, %s: %s", id, v.Grade, v.At, v.Event, v.Instance, v.Detail)
	for _, step := range v.Witness {
		t.Logf("  %v-%v %v %v %d %s %s %s", step.Call, step.Return, step.Kind, step.Outcome, step.Status, step.Instance, step.Token, step.Note)
	}
}

// The judge of the rows is judged: it misses what is not there, blames the
// drill for what must not be, and lets pass what may be.
func TestJudge(t *testing.T) {
	out := check.Outcome{
		Guarantees: []check.Guarantee{{ID: g4, Status: check.Fail, Bad: 2}, {ID: g5, Status: check.Pass, Unattributed: 1}},
		Violations: []check.Violation{{Guarantee: g4, Event: 1}, {Guarantee: g5}},
	}
	for _, test := range []struct {
		row              planted
		missing, wrongly int
	}{
		{planted{finds: ids{g4}, allows: ids{g5}, atEvent: true}, 0, 0},
		{planted{finds: ids{g4, g5}}, 0, 0},
		{planted{finds: ids{g1, g4, g5}}, 1, 0},
		{planted{finds: ids{g4}}, 0, 1},
		{planted{finds: ids{g5}, atEvent: true}, 1, 1},
		{planted{}, 0, 2},
	} {
		if got := len(lacks(test.row, out)); got != test.missing {
			t.Errorf("%v: %d missing, want %d", test.row.finds, got, test.missing)
		}
		if got := len(wrongly(test.row, out)); got != test.wrongly {
			t.Errorf("%v: %d blamed, want %d", test.row.finds, got, test.wrongly)
		}
	}
	if missing := lacks(planted{}, check.Outcome{Guarantees: []check.Guarantee{{ID: g1, Status: check.Pass}}}); len(missing) != 1 {
		t.Errorf("a verdict that is no fail: %q", missing)
	}
}

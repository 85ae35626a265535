package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func TestTextGolden(t *testing.T) {
	inconclusive := cleanRun()
	inconclusive.Verdict, inconclusive.Outcome.Inconclusive = check.VerdictInconclusive, []string{"the drill itself was late for 3.2 % of the time"}
	inconclusive.Outcome.Limited = 0.032
	failedEvent := cleanRun()
	failedEvent.Verdict = check.VerdictEventFailed
	failedEvent.Outcome.Events[11].Err = "kubectl: exit status 1"
	unexercised := cleanRun()
	unexercised.Verdict, unexercised.Unexercised, unexercised.Strategy = check.VerdictNotExercised, []check.ID{check.G7, check.G11}, ""
	for name, r := range map[string]Result{"pass.txt": cleanRun(), "fail.txt": proved(), "inconclusive.txt": inconclusive,
		"event_failed.txt": failedEvent, "not_exercised.txt": unexercised} {
		got := Text(r)
		fits(t, got)
		golden(t, name, []byte(got))
	}
}

func TestTable(t *testing.T) {
	a, b, c := brokenRun(), cleanRun(), cleanRun()
	a.Strategy = "memory"
	c.Strategy = "something with a very long name"
	c.Outcome.Guarantees[check.G4-1].Status = check.NotExercised
	c.Verdict = check.VerdictNotExercised
	got := Table([]Result{a, b, c})
	fits(t, got)
	golden(t, "table.txt", []byte(got))
}

func fits(t *testing.T, s string) {
	t.Helper()
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		if n := len([]rune(line)); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
		if strings.Contains(line, "…") && !strings.Contains(line, "xxx") && !strings.Contains(line, "something") {
			t.Errorf("cut: %s", line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("trailing blanks: %q", line)
		}
	}
}

// What the service says cannot move the cursor or break the layout.
func TestTextIsClean(t *testing.T) {
	r := brokenRun()
	r.Strategy = "st\x1b[31mrange\u202e"
	r.Outcome.Violations[0].Instance = "shop\n\r\x1b]0;title\a" + strings.Repeat("x", 200)
	got := Text(r) + Table([]Result{r})
	fits(t, got)
	for _, bad := range []string{"\x1b", "\r", "\a", "\u202e"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q in %q", bad, got)
		}
	}
}

// The table holds the largest numbers a drill comes to, none of them cut.
func TestTextWide(t *testing.T) {
	r := cleanRun()
	for i := range r.Outcome.Guarantees {
		g := &r.Outcome.Guarantees[i]
		if g.Status == check.Pass {
			g.Exposed, g.BoundSession, g.BoundEvent = 2_995_731_000, 1e-9, check.UpperBound(0, 20)
		}
	}
	broken := &r.Outcome.Guarantees[0]
	broken.Status, broken.Bad, broken.BoundEvent = check.Fail, 2_995_731, .9744
	for i := range 8 {
		e := r.Outcome.Events[0]
		e.ID, e.Crossings = 13+i, 1_000_000
		r.Outcome.Events = append(r.Outcome.Events, e)
	}
	r.Verdict = check.VerdictFail
	got := Text(r)
	fits(t, got)
	for _, row := range [][]string{
		{"guarantee", "exposed", "bad", "of these", "of events"},
		{"G1", "FAIL", "2,995,731,000", "2,995,731", "0.00000010 %", "97.5 %"},
		{"G10", "pass", "2,995,731,000", "0", "0.00000010 %", "14.0 %"},
	} {
		pattern := `(?m)^  ` + strings.Join(row, `\s.*`) + `$`
		if !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("no line with %q:\n%s", row, got)
		}
	}
	if !strings.Contains(got, "20 events") || !strings.Contains(got, "and 10 more events") {
		t.Errorf("the events are not counted:\n%s", got)
	}
}

func TestFigures(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %s, want %s", n, got, want)
		}
	}
	for share, want := range map[float64]string{1: "-", 0.2209: "22.1 %", 0.139108: "14.0 %", 0.05: "5.0 %", 0.0012474: "0.13 %",
		0.00003699: "0.0037 %", 1e-6: "0.00010 %", 0: "0.0 %"} {
		if got := percent(share); got != want {
			t.Errorf("percent(%v) = %s, want %s", share, got, want)
		}
	}
}

func TestHints(t *testing.T) {
	in := func(id check.ID, event int, instance string) check.Violation {
		return check.Violation{Guarantee: id, Grade: check.Lost, Event: event, Instance: instance, At: at(16)}
	}
	ungraded := func(v check.Violation) check.Violation { v.Grade = check.NoGrade; return v }
	late := func(v check.Violation) check.Violation { v.Unattributed = true; return v }
	for _, test := range []struct {
		name       string
		violations []check.Violation
		crossings  int
		want       []string // in each hint, in order
	}{
		{"nothing", nil, 10, nil},
		{"one instance's users", []check.Violation{in(check.G1, 1, "shop-a"), in(check.G1, 1, "shop-a"), in(check.G1, 2, "shop-b")}, 10, []string{"on one instance (shop-a)"}},
		{"everybody", []check.Violation{in(check.G1, 1, "shop-b"), in(check.G1, 1, "shop-c")}, 2, []string{"the store was lost"}},
		{"some of several", []check.Violation{in(check.G1, 1, "shop-b"), in(check.G1, 1, "shop-c")}, 10, []string{"several instances"}},
		{"outside events", []check.Violation{in(check.G1, 0, "shop-b")}, 10, []string{"nothing was being scaled"}},
		{"last writer wins", []check.Violation{in(check.G4, 0, ""), in(check.G4, 1, "")}, 10, []string{"last writer wins"}},
		{"acknowledged too early", []check.Violation{in(check.G4, 1, "")}, 10, []string{"before they are stored"}},
		{"leaving", []check.Violation{in(check.G10, 1, "")}, 10, []string{"preStop"}},
		{"at a kill", []check.Violation{in(check.G10, 3, "")}, 10, []string{"were killed"}},
		{"failing anyway", []check.Violation{in(check.G10, 0, "")}, 10, []string{"own errors"}},
		{"leak first", []check.Violation{in(check.G9, 0, ""), in(check.G6, 0, "")}, 10, []string{"X-Cache", "Logged-out"}},
		{"renewals", []check.Violation{in(check.G8, 0, ""), ungraded(in(check.G8, 0, ""))}, 10, []string{"in one step", "fixation"}},
		{"stale", []check.Violation{in(check.G2, 0, ""), in(check.G3, 0, "")}, 10, []string{"replica"}},
		{"twice", []check.Violation{in(check.G12, 0, "")}, 10, []string{"applied twice"}},
		{"while the drill was late", []check.Violation{late(in(check.G1, 1, "shop-a"))}, 10, []string{"the drill itself was late"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := cleanRun()
			r.Outcome.Events[0].Crossings, r.Outcome.Events[1].Target = test.crossings, "shop-b"
			r.Outcome.Events[2].Killed = append(r.Outcome.Events[2].Killed, history.Kill{Instance: "shop-c", At: at(23)})
			r.Outcome.Violations = test.violations
			if test.name == "while the drill was late" {
				r.Outcome.Guarantees[0].Unattributed = 1
			}
			got := Hints(r)
			if len(got) != len(test.want) {
				t.Fatalf("%d hints: %q, want %d", len(got), got, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("hint %d is %q, want something about %q", i, got[i], want)
				}
			}
		})
	}
}

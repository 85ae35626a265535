package report_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

func ExampleTable() {
	outcome := func(sessions, updates, requests int) check.Outcome {
		row := func(id check.ID, bad int) check.Guarantee {
			g := check.Guarantee{ID: id, Status: check.Pass, Exposed: 2000, Bad: bad}
			if bad > 0 {
				g.Status = check.Fail
			}
			return g
		}
		return check.Outcome{Guarantees: []check.Guarantee{row(check.G1, sessions), row(check.G4, updates), row(check.G10, requests)}}
	}
	var results []report.Result
	for _, run := range []struct {
		name    string
		outcome check.Outcome
	}{
		{"memory", outcome(1871, 12, 13)},
		{"evenkeel", outcome(0, 0, 0)},
	} {
		verdict := check.Judge(run.outcome, []check.ID{check.G1, check.G4, check.G10}, nil)
		results = append(results, report.Result{Strategy: run.name, Outcome: run.outcome, Verdict: verdict})
	}
	fmt.Print(report.Table(results))
	// Output:
	// strategy  sessions lost  updates lost  requests failed  verdict
	// memory            1,871            12               13  fail
	// evenkeel              0             0                0  pass
}

func ExampleHTML() {
	outcome := check.Outcome{Guarantees: []check.Guarantee{{ID: check.G1, Status: check.Fail, Exposed: 2000, Bad: 1871, Lost: 1871, BoundSession: .95, BoundEvent: 1}}}
	var page strings.Builder
	if err := report.HTML(&page, report.Result{Strategy: "memory", Outcome: outcome, Verdict: check.VerdictFail}); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(page.String()) {
		if strings.HasPrefix(line, "<h1>") {
			fmt.Print(line)
		}
	}
	// Output:
	// <h1>Users were hurt: 1,871 sessions lost.</h1>
}

func ExampleSeries() {
	var series report.Series
	for i := range 8 {
		call := time.Duration(i) * 100 * time.Millisecond
		series.Observe(history.Op{Call: call, Return: call + 3*time.Millisecond, Status: 200, Instance: "shop-1"})
	}
	snap := series.Snapshot()
	for i, b := range snap.Buckets {
		fmt.Println(snap.Width*time.Duration(i), b.Requests, snap.Instances[0], b.Answers[0])
	}
	// Output:
	// 0s 3 shop-1 3
	// 250ms 2 shop-1 2
	// 500ms 3 shop-1 3
}

// lost is a run in which one session of 2,000 was lost.
func lost() report.Result {
	g := check.Guarantee{ID: check.G1, Status: check.Fail, Exposed: 2000, Bad: 1, Lost: 1, BoundSession: .0024, BoundEvent: 1}
	return report.Result{Verdict: check.VerdictFail, Outcome: check.Outcome{Guarantees: []check.Guarantee{g}, Duration: time.Minute}}
}

func ExampleMarkdown() {
	var b strings.Builder
	if err := report.Markdown(&b, lost()); err != nil {
		fmt.Println(err)
	}
	first, _, _ := strings.Cut(b.String(), "\n")
	fmt.Println(first)
	// Output: ## FAIL: Users were hurt: 1 session lost.
}

func ExampleJUnit() {
	var b strings.Builder
	if err := report.JUnit(&b, lost()); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "<testsuites") {
			fmt.Print(line)
		}
	}
	// Output: <testsuites name="evenkeel drill" tests="2" failures="2" errors="0" time="60.000">
}

func ExamplePrometheus() {
	var b strings.Builder
	if err := report.Prometheus(&b, lost()); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "evenkeel_drill_violations{") {
			fmt.Print(line)
		}
	}
	// Output: evenkeel_drill_violations{guarantee="G1"} 1
}

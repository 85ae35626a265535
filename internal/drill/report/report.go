// Package report says what a drill showed: as result.json and as metrics for
// programs, as JUnit for a CI, as plain text for a terminal, as Markdown for a
// pull request, as one table for several runs, and as a page that explains
// itself to whoever is woken by it.
//
//	series := &report.Series{}
//	// from any goroutine, each operation when it has returned:
//	series.Observe(op)
//	// at the end:
//	r := report.Result{Strategy: "sticky", Users: 200, Outcome: outcome, Verdict: verdict, Series: series}
//	err := report.WriteFile("result.json", os.Stdout, r) // or "-"
//	err = report.WriteHTML("report.html", os.Stdout, r)
//	err = report.WriteJUnit("junit.xml", os.Stdout, r)
//	err = report.WriteMarkdown("summary.md", os.Stdout, r)
//	err = report.WritePrometheus("drill.prom", os.Stdout, r)
//	fmt.Print(report.Text(r))
//	fmt.Print(report.Table(all))
//
// # Guarantees
//
//   - result.json has the schema evenkeel.dev/drill/v1: fields keep their
//     names, meanings and order; fields may be added.
//   - A file is there whole or not at all: it is written under another name and
//     then renamed.
//   - No line of the texts is longer than 80 columns; they hold no colours and
//     no cursor movements, whatever the service answered.
//   - The same Result gives the same bytes: nothing of the moment or the place of
//     the rendering is in them.
//   - The JUnit of a verdict that is not a pass has a failure or an error.
//   - The Markdown is under 60 KB.
//   - report.html is one file under 1 MB that needs no network and no script,
//     whatever the service answered and however long the run was. A guarantee
//     that was not exercised is never shown as good.
//
// # Not guaranteed
//
//   - The wording of the texts and of the page, and its markup. Programs read
//     the JSON.
//   - result.json lists the first 100 violations of each guarantee; the counts
//     are of all.
package report

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// Result is one run with its verdict.
type Result struct {
	Strategy string // how the service was run; "" for a service of others
	Users    int
	Verdict  check.Verdict
	// Unexercised are the required guarantees behind a verdict of
	// not_exercised, as check.Unexercised gives them.
	Unexercised []check.ID
	Outcome     check.Outcome
	Health      Health

	// For the page alone.
	Started time.Time     // zero: unknown
	Control time.Duration // at the beginning, without events; 0: none
	Series  *Series       // nil: the page says that nothing was recorded
	Config  []Setting     // how the run was set up, in the order to show
	Target  string        // URL of the service, for replays; "" is left open
	Notes   []string      // what else limits what the run proves, in whole sentences
}

// Setting is one line of a run's configuration. It must not be a secret.
type Setting struct{ Name, Value string }

// Health is how the drill itself fared.
type Health struct {
	Status       string        // ok or limited; "" is ok
	LatenessP999 time.Duration // of the drill's own timer
	CPU          float64       // share of the cores the drill may use, 0 to 1
	Windows      []Window      // in which the drill was late; for the page alone
}

// Window is a time in which the drill was late, and why.
type Window struct {
	From, To time.Duration
	Why      string
}

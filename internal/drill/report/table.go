package report

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// maxStrategy bounds the first column, so that the table fits.
const maxStrategy = 18

// Table sets runs side by side, one line each, in the order given: what users
// lost under each strategy, and the verdict.
func Table(results []Result) string {
	var b text
	first := len("strategy")
	for _, r := range results {
		first = max(first, min(len([]rune(clean(r.Strategy))), maxStrategy))
	}
	b.line(fmt.Sprintf("%-*s  sessions lost  updates lost  requests failed  verdict", first, "strategy"))
	for _, r := range results {
		name := []rune(clean(r.Strategy))
		if len(name) > maxStrategy {
			name = append(name[:maxStrategy-1], '…')
		}
		b.line(fmt.Sprintf("%-*s  %13s  %12s  %15s  %s", first, string(name),
			cell(r, check.G1), cell(r, check.G4), cell(r, check.G10), r.Verdict))
	}
	return b.String()
}

// cell is a count, or a dash where nothing was put to the test.
func cell(r Result, id check.ID) string {
	g := r.Outcome.Guarantee(id)
	if g.Status == check.NotExercised {
		return "-"
	}
	return number(g.Bad)
}

package report

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// guaranteeLines are a table whose last four columns are as wide as they have
// to be; the status gives way.
func guaranteeLines(b *text, rows []check.Guarantee) {
	const (
		named        = len("  G10  read your writes ")
		roomy, tight = len("not exercised"), len("pass")
	)
	columns := [4]int{9, 6, 11, 9}
	cells := make([][4]string, len(rows))
	for i, g := range rows {
		if g.Status == check.NotExercised {
			continue
		}
		cells[i] = [4]string{number(g.Exposed), number(g.Bad), percent(g.BoundSession), percent(g.BoundEvent)}
		for c, s := range cells[i] {
			columns[c] = max(columns[c], len(s))
		}
	}
	right := len(columns)
	for _, w := range columns {
		right += w
	}
	status := max(tight, min(roomy, width-named-right))
	line := func(first, second string, cells [4]string) {
		b.line(fmt.Sprintf("  %s %-*s %*s %*s %*s %*s", first, status, second,
			columns[0], cells[0], columns[1], cells[1], columns[2], cells[2], columns[3], cells[3]))
	}
	b.line(fmt.Sprintf("%*s", named+status+right-1, "95 % sure: fewer bad"))
	heading := "status"
	if len(heading) > status {
		heading = ""
	}
	line(fmt.Sprintf("%-21s", "guarantee"), heading, [4]string{"exposed", "bad", "of these", "of events"})
	for i, g := range rows {
		name := fmt.Sprintf("%-4s %-16s", g.ID, g.ID.Name())
		switch g.Status {
		case check.NotExercised:
			b.line("  " + name + " not exercised")
		case check.Fail:
			line(name, "FAIL", cells[i])
		case check.Pass:
			line(name, "pass", cells[i])
		}
	}
}

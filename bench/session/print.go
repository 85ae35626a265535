package main

import (
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/bench/measure"
)

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(of))
}

// printLost prints a line for each library.
func printLost(w io.Writer, tallies []tally, trials int) {
	head := []string{"", "writers", "writers", "reader", "logout", "logout", "renewal", "old ID"}
	rows := [][]string{{"", "0 ms", "5 ms", "", "/write", "/read", "", "alive"}}
	columns := map[string]int{"writers/0ms": 1, "writers/5ms": 2, "reader": 3, "logout/set": 4, "logout/read": 5, "renewal": 6}
	var row []string
	for _, t := range tallies {
		if row == nil || row[0] != t.Library {
			row = []string{t.Library, "-", "-", "-", "-", "-", "-", "-"}
			rows = append(rows, row)
		}
		row[columns[t.title()]] = percent(t.Lost, t.Acked)
		if t.Race == "renewal" {
			row[7] = percent(max(t.OldAlive, t.OnOld), t.Trials)
		}
	}
	measure.Table(w, fmt.Sprintf("Lost, of what was acknowledged; %d trials of each race (%d of the controls)", trials, controlTrials(trials)), head, rows)
	for _, t := range tallies {
		if t.Acked < t.Sent {
			fmt.Fprintf(w, "%s, %s: %d of %d requests were refused\n", t.Library, t.title(), t.Sent-t.Acked, t.Sent)
		}
	}
}

// printCosts prints a line for each library and case.
func printCosts(w io.Writer, costs []cost, rounds int) {
	var rows [][]string
	for _, c := range costs {
		rows = append(rows, []string{c.Library, c.Case, c.Rounds.String(), c.RatioSCS.String()})
	}
	measure.Table(w, fmt.Sprintf("CPU of the application for each request, median of %d rounds (min-max)", rounds),
		[]string{"", "case", "µs", "/ scs-mem"}, rows)
}

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

// printCosts prints a line for each subject and case.
func printCosts(w io.Writer, costs []cost, bytes []sent, rounds int) {
	var rows [][]string
	for _, c := range costs {
		rows = append(rows, []string{c.Library, c.Level, c.Case, measure.Figure(c.AppUS), c.App.String(), measure.Figure(c.RedisUS), measure.Figure(c.RatioRedis)})
	}
	measure.Table(w, fmt.Sprintf("CPU of an operation in µs, %d at once; ratios to rueidis, median of %d rounds", workers, rounds),
		[]string{"", "level", "case", "app", "ratio", "redis", "ratio"}, rows)
	rows = nil
	for _, b := range bytes {
		rows = append(rows, []string{b.Library, b.Level, fmt.Sprintf("%.0f", b.Bytes)})
	}
	measure.Table(w, "Bytes to Redis for a write of one attribute in a session of 16 KB", []string{"", "level", "bytes"}, rows)
}

func printBrowsing(w io.Writer, b browsing) {
	fmt.Fprintf(w, "\nBrowsing, bounded: %d users, %d requests, %d recorded accesses and fills,\n%d questions whether the server is there in %.0f s.\nAt a request in 10 s and an idle timeout of 30 min: %.3f commands a request.\n",
		b.Users, b.Requests, b.Touches, b.Asking, b.Seconds, b.PerRequest)
}

func printStaleness(w io.Writer, list []stale, l lease) {
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.Reader, s.Case, fmt.Sprint(s.Trials), fmt.Sprint(s.Stale)})
	}
	measure.Table(w, "Reads that did not show an acknowledged write", []string{"", "reader", "writes", "stale"}, rows)
	fmt.Fprintf(w, "A connection whose peer has vanished: %d answers from a copy, the last to a\nrequest %.0f ms after the write; the lease is %d ms.\n", l.Stale, l.LongestMS, l.LeaseMS)
}

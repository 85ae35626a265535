package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// printCPU prints a table for each case.
func printCPU(w io.Writer, figures []figure, load string, s settings) {
	fmt.Fprintf(w, "\nCPU of each request, median of %d rounds of %v (min-max), load from %s\n", s.rounds, s.span, load)
	var rows [][]string
	for i, f := range figures {
		ratio := func(q *measure.Sample) string {
			if q == nil {
				return "-"
			}
			return q.String()
		}
		rows = append(rows, []string{f.Proxy, f.Rounds.String(), ratio(f.HAProxy), ratio(f.Caddy)})
		if i+1 == len(figures) || figures[i+1].Case != f.Case {
			measure.Table(w, "", []string{f.Case, "CPU µs/request", "/ haproxy", "/ caddy"}, rows)
			rows = nil
		}
	}
}

func printIdle(w io.Writer, figures []idleFigure) {
	var rows [][]string
	n := 0
	for _, f := range figures {
		n = f.Connections
		rows = append(rows, []string{f.Proxy, f.KB.String()})
	}
	measure.Table(w, fmt.Sprintf("Resident memory for each of %d idle client connections", n), []string{"", "KB/connection"}, rows)
}

// cells of counts, behind those that name the row.
func (c counts) cells() []string {
	moves := "-"
	if c.NeedlessMoves != nil {
		moves = strconv.Itoa(*c.NeedlessMoves)
	}
	n := strconv.Itoa
	return []string{n(c.Requests), n(c.Failed), n(c.FailedPOST), n(c.FailedPOSTAcknowledged), n(c.DuplicatePOSTs), n(c.StreamsCut), n(c.StreamsTorn), moves}
}

// heads of counts, two lines.
var heads = [2][]string{
	{"requests", "failed", "POST", "acked", "twice", "cut", "torn", "moves"},
	{"", "", "", "POST", "POST", "", "", ""},
}

// printScaleIn prints a table for each mode.
func printScaleIn(w io.Writer, runs []scaleIn) {
	if len(runs) == 0 {
		return
	}
	fmt.Fprint(w, `
One of three targets goes away; sums of the runs, and most that failed in one.
acked POST: it was lost, but a target had it; cut, moves: of targets that stay;
torn: streams of the one that leaves, without a Close frame or a last chunk
`)
	var rows [][]string
	n := 0
	for i, r := range runs {
		if r.Runs > 0 {
			cells := r.cells()
			rows = append(rows, append([]string{r.Proxy, cells[0], cells[1], strconv.Itoa(r.Max.Failed)}, cells[2:]...))
			n = r.Runs
		}
		if i+1 < len(runs) && runs[i+1].Mode == r.Mode || rows == nil {
			continue
		}
		head := append([]string{r.Mode, heads[0][0], heads[0][1], "most"}, heads[0][2:]...)
		second := append([]string{fmt.Sprintf("runs: %d", n), "", "", ""}, heads[1][2:]...)
		measure.Table(w, "", head, append([][]string{second}, rows...))
		rows = nil
	}
}

func printRestarts(w io.Writer, runs []restart) {
	if len(runs) == 0 {
		return
	}
	rows := [][]string{append([]string{"", ""}, heads[1]...)}
	for _, r := range runs {
		rows = append(rows, append([]string{r.Event, strconv.Itoa(r.Runs)}, r.cells()...))
	}
	measure.Table(w, `Gateways are exchanged under load: two with one key file restarted in turn,
one upgraded in place; kill, of one of two, is the control`,
		append([]string{"", "runs"}, heads[0]...), rows)
}

func printChurn(w io.Writer, r churnResult) {
	title := fmt.Sprintf("%d targets come or go in %.0f s, with %d answers of theirs;\nof %d idle connections %d were dead at the end;\np99 %.2f ms before, %.2f ms meanwhile (x %.2f)",
		r.Operations, r.Span, r.OnChanging, r.Idle, r.IdleDead, r.CalmP99MS, r.P99MS, r.P99MS/max(r.CalmP99MS, 1e-3))
	measure.Table(w, title, append([]string{""}, heads[0]...), [][]string{append([]string{""}, heads[1]...), append([]string{"evenkeel"}, r.cells()...)})
}

func printSoak(w io.Writer, r soakResult) {
	rows := [][]string{
		{"RSS MB", r.RSS.Second.String(), r.RSS.Last.String(), measure.Figure(r.RSS.ratio())},
		{"goroutines", r.Goroutines.Second.String(), r.Goroutines.Last.String(), measure.Figure(r.Goroutines.ratio())},
	}
	measure.Table(w, fmt.Sprintf("Flat is at most %v x; of %d requests %d failed, %d streams were cut", flatAt, r.Requests, r.Failed, r.StreamsCut),
		[]string{"", "second third", "last third", "ratio"}, rows)
}

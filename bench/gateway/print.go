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
		haproxy := "-"
		if f.HAProxy != nil {
			haproxy = f.HAProxy.String()
		}
		rows = append(rows, []string{f.Proxy, f.Rounds.String(), haproxy, f.Tuned.String()})
		if i+1 == len(figures) || figures[i+1].Case != f.Case {
			measure.Table(w, "", []string{f.Case, "CPU µs/request", "/ haproxy", "/ httputil-tuned"}, rows)
			rows = nil
		}
	}
}

func printScaleIn(w io.Writer, runs []scaleIn) {
	head := []string{"", "target", "requests", "failed", "(POST)", "doubled", "cut", "moves"}
	rows := [][]string{{"", "", "", "", "", "POSTs", "streams", ""}}
	for _, r := range runs {
		moves := "-"
		if r.NeedlessMoves != nil {
			moves = strconv.Itoa(*r.NeedlessMoves)
		}
		rows = append(rows, []string{r.Proxy, r.Mode, strconv.Itoa(r.Requests), strconv.Itoa(r.Failed),
			strconv.Itoa(r.FailedPOST), strconv.Itoa(r.DuplicatePOSTs), strconv.Itoa(r.StreamsCut), moves})
	}
	measure.Table(w, "One of three targets goes away; streams and moves are those of the other two", head, rows)
}

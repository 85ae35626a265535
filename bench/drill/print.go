package main

import (
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// summarise takes the rounds of a client together.
func summarise(name string, rounds, reference []result) figure {
	column := func(list []result, f func(result) float64) (v []float64) {
		for _, r := range list {
			v = append(v, f(r))
		}
		return v
	}
	us := func(r result) float64 { return r.US }
	f := figure{
		Client:   name,
		US:       measure.Of(column(rounds, us)...),
		Ratio:    measure.Ratios(column(rounds, us), column(reference, us)),
		LateP50:  measure.Of(column(rounds, func(r result) float64 { return r.Late.P50 })...),
		LateP99:  measure.Of(column(rounds, func(r result) float64 { return r.Late.P99 })...),
		LateP999: measure.Of(column(rounds, func(r result) float64 { return r.Late.P999 })...),
		PeakRSS:  measure.Of(column(rounds, func(r result) float64 { return r.PeakRSSMB })...),
	}
	if name != "engine" && name != "vegeta" {
		f.IdleBytes = measure.Of(column(rounds, func(r result) float64 { return r.IdleBytes })...)
	}
	for _, r := range rounds {
		f.Shed += r.Shed
	}
	return f
}

// show prints medians, with the spread of CPU.
func show(w io.Writer, rep report, rounds int) {
	var rows [][]string
	for _, f := range rep.Clients {
		idle := "-"
		if f.IdleBytes.Rounds > 0 {
			idle = measure.Figure(f.IdleBytes.Median)
		}
		rows = append(rows, []string{f.Client, f.US.String(), measure.Figure(f.Ratio.Median), idle,
			measure.Figure(f.LateP50.Median), measure.Figure(f.LateP99.Median), measure.Figure(f.LateP999.Median), measure.Figure(f.PeakRSS.Median)})
	}
	measure.Table(w, fmt.Sprintf("%d users, %.0f requests/s, median of %d rounds of %v (min-max)", rep.Load.Users, rep.Load.Rate, rounds, rep.Load.Span),
		[]string{"", "CPU µs/req", "ratio", "B/idle", "late p50", "p99", "p99.9", "MB"}, rows)
	fmt.Fprintln(w, "ratio: to net/http in the same round; late: ms after it was due; MB: peak RSS")
	for _, f := range rep.Clients {
		if f.Shed > 0 {
			fmt.Fprintf(w, "%s: %d requests were shed: the machine was too busy\n", f.Client, f.Shed)
		}
	}
}

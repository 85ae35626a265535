package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/evenkeel/evenkeel/drain"
)

// Drain shows the numbers of a [drain.Drainer]; stats is its Stats method. They
// are there until the process ends, so scrape often enough for a way out.
func Drain(stats func() drain.Stats) prometheus.Collector {
	return newCollector(stats, drainMetrics)
}

var drainMetrics = []metric[drain.Stats]{
	{"evenkeel_drain_lifecycle_state", prometheus.GaugeValue, "State of the way out: 1 serving, 2 withdrawing, 3 draining, 4 flushing.", func(s drain.Stats) float64 { return float64(s.State) }},
	{"evenkeel_drain_in_flight_requests", prometheus.GaugeValue, "Requests in flight.", func(s drain.Stats) float64 { return float64(s.Requests) }},
	{"evenkeel_drain_in_flight_streams", prometheus.GaugeValue, "Streams in flight.", func(s drain.Stats) float64 { return float64(s.Streams) }},
	{"evenkeel_drain_running_workers", prometheus.GaugeValue, "Workers that run.", func(s drain.Stats) float64 { return float64(s.Workers) }},
	{"evenkeel_drain_cut_total", prometheus.CounterValue, "Requests, streams and workers that were cut on the way out.", func(s drain.Stats) float64 { return float64(s.Cut) }},
}

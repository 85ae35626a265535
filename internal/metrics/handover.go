package metrics

import "github.com/prometheus/client_golang/prometheus"

// HandoverStats are what a gateway process counts of its upgrades.
type HandoverStats struct {
	Failures int64 // new processes that did not take over
}

// Handover shows the counts of a gateway's upgrades.
func Handover(stats func() HandoverStats) prometheus.Collector {
	return newCollector(stats, []metric[HandoverStats]{
		{"evenkeel_handover_failures_total", prometheus.CounterValue, "New processes that were started to take over and did not.", func(s HandoverStats) float64 { return float64(s.Failures) }},
	})
}

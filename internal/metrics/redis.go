package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/evenkeel/evenkeel/session/redisstore"
)

// Redis shows the counts of a [redisstore.Store]; stats is its Stats method.
func Redis(stats func() redisstore.Stats) prometheus.Collector {
	return newCollector(stats, redisMetrics)
}

var redisMetrics = []metric[redisstore.Stats]{
	{"evenkeel_redisstore_calls_total", prometheus.CounterValue, "Calls of the store's servers.", func(s redisstore.Stats) float64 { return float64(s.Calls) }},
	{"evenkeel_redisstore_calls_refused_total", prometheus.CounterValue, "Calls that were refused at once, because a server had not answered lately.", func(s redisstore.Stats) float64 { return float64(s.CallsRefused) }},
	{"evenkeel_redisstore_calls_failed_total", prometheus.CounterValue, "Calls that brought no answer of use, but for the refused.", func(s redisstore.Stats) float64 { return float64(s.CallsFailed) }},
	{"evenkeel_redisstore_in_flight_calls", prometheus.GaugeValue, "Calls that are on the way now.", func(s redisstore.Stats) float64 { return float64(s.CallsInFlight) }},
	{"evenkeel_redisstore_breakers_opened_total", prometheus.CounterValue, "Times that a server was given up for a while.", func(s redisstore.Stats) float64 { return float64(s.BreakersOpened) }},
	{"evenkeel_redisstore_open_breakers", prometheus.GaugeValue, "Servers that are given up now.", func(s redisstore.Stats) float64 { return float64(s.BreakersOpen) }},
	{"evenkeel_redisstore_dials_total", prometheus.CounterValue, "Connections, also those that were not made.", func(s redisstore.Stats) float64 { return float64(s.Dials) }},
	{"evenkeel_redisstore_evicted_keys_total", prometheus.CounterValue, "Keys that servers threw away to make room; sessions may be among them.", func(s redisstore.Stats) float64 { return float64(s.Evicted) }},
	{"evenkeel_redisstore_epochs_lost_total", prometheus.CounterValue, "Epochs of principals that a server had lost and that were made again.", func(s redisstore.Stats) float64 { return float64(s.EpochsLost) }},
	{"evenkeel_redisstore_sessions_lost_total", prometheus.CounterValue, "Sessions that a server had lost, as far as copies showed it.", func(s redisstore.Stats) float64 { return float64(s.Lost) }},
	{"evenkeel_redisstore_sessions_rolled_back_total", prometheus.CounterValue, "Sessions that a server had in an older state than it had had.", func(s redisstore.Stats) float64 { return float64(s.RolledBack) }},
	{"evenkeel_redisstore_degraded_total", prometheus.CounterValue, "Changes that fewer replicas acknowledged in time than were asked for.", func(s redisstore.Stats) float64 { return float64(s.Degraded) }},
	{"evenkeel_redisstore_cache_hits_total", prometheus.CounterValue, "Loads answered from a copy.", func(s redisstore.Stats) float64 { return float64(s.CacheHits) }},
	{"evenkeel_redisstore_cache_misses_total", prometheus.CounterValue, "Loads for which there was no copy, or none that could answer.", func(s redisstore.Stats) float64 { return float64(s.CacheMisses) }},
	{"evenkeel_redisstore_cache_evicted_total", prometheus.CounterValue, "Copies that made room for others.", func(s redisstore.Stats) float64 { return float64(s.CacheEvicted) }},
	{"evenkeel_redisstore_cached_sessions", prometheus.GaugeValue, "Copies now.", func(s redisstore.Stats) float64 { return float64(s.CacheEntries) }},
	{"evenkeel_redisstore_cache_bytes", prometheus.GaugeValue, "Memory of the copies, estimated.", func(s redisstore.Stats) float64 { return float64(s.CacheBytes) }},
	{"evenkeel_redisstore_graced_total", prometheus.CounterValue, "Loads answered from a copy while the server did not answer.", func(s redisstore.Stats) float64 { return float64(s.Graced) }},
}

package gateway

import "time"

// ConfigStats are the counts of what the gateway is told: its configuration,
// its sources of targets, its state file.
type ConfigStats struct {
	Revision     int       // of the configuration, from 1
	LastGood     time.Time // when it was read
	Failed       bool      // the last attempt to reload was not good
	ReloadErrors uint64
	StateErrors  uint64 // writes of the state file that failed
	Sources      []SourceStats
}

// SourceStats are the counts of one group's source of targets.
type SourceStats struct {
	Group, Source string
	Errors        uint64 // looks without a table
	Lost          bool   // the last one
}

func (g *Gateway) configStats() ConfigStats {
	g.reload.mu.Lock()
	s := ConfigStats{Revision: g.reload.last.Revision, LastGood: g.reload.last.LastGood, Failed: g.reload.last.LastError != "", ReloadErrors: g.reload.bad}
	g.reload.mu.Unlock()
	s.StateErrors = g.state.Load().failures()
	for _, grp := range g.groups() {
		if grp.Discover.Enabled() {
			errors, lost := grp.source.discovery()
			s.Sources = append(s.Sources, SourceStats{grp.Name, grp.Discover.SourceName(), errors, lost})
		}
	}
	return s
}

func (s ConfigStats) metrics() []Metric {
	one := func(v float64) []Sample { return []Sample{{Value: v}} }
	failed := Metric{Name: "evenkeel_gateway_discovery_errors_total", Help: "Looks at a group's source of targets that gave no table.", Counter: true, Labels: []string{"group", "source"}}
	lost := Metric{Name: "evenkeel_gateway_discovery_lost", Help: "1 while the last known targets are used because their source gives none.", Labels: []string{"group", "source"}}
	for _, src := range s.Sources {
		labels := []string{src.Group, src.Source}
		failed.Samples = append(failed.Samples, Sample{labels, float64(src.Errors)})
		lost.Samples = append(lost.Samples, Sample{labels, bit(src.Lost)})
	}
	return []Metric{
		{Name: "evenkeel_gateway_reloads_total", Help: "Reloads of the configuration, by what became of them.", Counter: true, Labels: []string{"result"},
			Samples: []Sample{{[]string{"good"}, float64(s.Revision - 1)}, {[]string{"error"}, float64(s.ReloadErrors)}}},
		{Name: "evenkeel_gateway_last_reload_timestamp_seconds", Help: "When the configuration in use was read.", Samples: one(float64(s.LastGood.UnixMilli()) / 1000)},
		{Name: "evenkeel_gateway_last_reload_failed", Help: "1 if the last attempt to reload was refused; the configuration before it is in use.", Samples: one(bit(s.Failed))},
		{Name: "evenkeel_gateway_state_errors_total", Help: "Writes of the state file that failed.", Counter: true, Samples: one(float64(s.StateErrors))},
		failed, lost,
	}
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

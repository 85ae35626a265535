package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/target"
)

// Metric is a number of the gateway under the name that monitoring knows.
type Metric struct {
	Name, Help string
	Counter    bool     // it only grows; else it is a gauge
	Labels     []string // names
	Samples    []Sample
}

// Sample is one value of a Metric, with the values of its labels in order.
type Sample struct {
	Labels []string
	Value  float64
}

// groupCounter counts per group, split by the values of one label, if it has one.
type groupCounter struct {
	name, help, label string
	read              func(GroupStats) []part
}

type part struct {
	label string
	n     uint64
}

func whole(read func(GroupStats) uint64) func(GroupStats) []part {
	return func(g GroupStats) []part { return []part{{n: read(g)}} }
}

var groupCounters = []groupCounter{
	{"requests", "Requests that a route led to the group.", "", whole(func(g GroupStats) uint64 { return g.Requests })},
	{"answers", "Answers of targets by class of status.", "class", func(g GroupStats) []part {
		out := make([]part, len(g.Answers))
		for i, n := range g.Answers {
			out[i] = part{fmt.Sprintf("%dxx", i+1), n}
		}
		return out
	}},
	{"refusals", "Answers of the gateway's own.", "status", func(g GroupStats) []part {
		return []part{{"502", g.BadGateway}, {"503", g.Unavailable}, {"504", g.GatewayTimeout}, {"other", g.OtherRefusals}}
	}},
	{"aborted", "Answers that broke off.", "", whole(func(g GroupStats) uint64 { return g.Aborted })},
	{"retries", "Failed connects that went on to another target.", "", whole(func(g GroupStats) uint64 { return g.Retries })},
	{"replays", "Requests sent again.", "", whole(func(g GroupStats) uint64 { return g.Replays })},
	{"ejections", "Targets ejected because a request could not connect.", "", whole(func(g GroupStats) uint64 { return g.Ejections })},
	{"cut", "Requests and streams ended by force, at the deregistration delay or at the gateway's end.", "", whole(func(g GroupStats) uint64 { return g.Cut })},
	{"told", "Streams that were asked to leave, at a drain or at the gateway's end.", "", whole(func(g GroupStats) uint64 { return g.Told })},
	{"moves", "Bound sessions that moved to another target, by cause.", "cause", func(g GroupStats) []part {
		return []part{{"draining", g.MovesDraining}, {"unhealthy", g.MovesUnhealthy}, {"gone", g.MovesGone}, {"failed", g.MovesFailed}}
	}},
}

// targetGauges are per target.
var targetGauges = []struct {
	name, help string
	read       func(TargetStatus) int
}{
	{"in_flight_requests", "Requests in flight.", func(t TargetStatus) int { return t.InFlight }},
	{"streams", "Upgraded connections and event streams.", func(t TargetStatus) int { return t.Streams }},
	{"bound_sessions", "Sessions bound to the target.", func(t TargetStatus) int { return t.BoundSessions }},
	{"target_weight", "The target's share of new requests.", func(t TargetStatus) int { return t.Weight }},
}

// Metrics are the snapshot's numbers, always the same ones in the same order.
func (s Stats) Metrics() []Metric {
	var out []Metric
	for _, c := range groupCounters {
		out = append(out, c.metric(s.Groups))
	}
	for _, gauge := range targetGauges {
		m := Metric{Name: "evenkeel_gateway_" + gauge.name, Help: gauge.help, Labels: []string{"group", "target"}}
		for _, g := range s.Groups {
			for _, t := range g.Targets {
				m.Samples = append(m.Samples, Sample{[]string{g.Name, t.ID}, float64(gauge.read(t))})
			}
		}
		out = append(out, m)
	}
	return append(append(out, s.states(), Metric{
		Name: "evenkeel_gateway_events_dropped", Help: "Events lost to slow subscribers that are connected now.",
		Samples: []Sample{{Value: float64(s.EventsDropped)}},
	}), append(s.front(), s.Config.metrics()...)...)
}

// front are the metrics of what stands before the groups.
func (s Stats) front() []Metric {
	expiry := Metric{Name: "evenkeel_gateway_certificate_expiry_timestamp_seconds", Help: "When the certificate that is served expires.", Labels: []string{"cert_file"}}
	reloads := Metric{Name: "evenkeel_gateway_certificate_reloads_total", Help: "Changes of the certificate's files, by what became of them.", Counter: true, Labels: []string{"cert_file", "result"}}
	for _, c := range s.Certificates {
		expiry.Samples = append(expiry.Samples, Sample{[]string{c.CertFile}, float64(c.NotAfter.Unix())})
		reloads.Samples = append(reloads.Samples, Sample{[]string{c.CertFile, "taken"}, float64(c.Reloads)}, Sample{[]string{c.CertFile, "refused"}, float64(c.Failures)})
	}
	return []Metric{{
		Name: "evenkeel_gateway_access_log_dropped_total", Help: "Records of the access log that its file did not take in time.",
		Counter: true, Samples: []Sample{{Value: float64(s.AccessDropped)}},
	}, expiry, reloads}
}

func (c groupCounter) metric(groups []GroupStats) Metric {
	m := Metric{Name: "evenkeel_gateway_" + c.name + "_total", Help: c.help, Counter: true, Labels: []string{"group"}}
	if c.label != "" {
		m.Labels = append(m.Labels, c.label)
	}
	for _, g := range groups {
		for _, p := range c.read(g) {
			labels := []string{g.Name}
			if c.label != "" {
				labels = append(labels, p.label)
			}
			m.Samples = append(m.Samples, Sample{labels, float64(p.n)})
		}
	}
	return m
}

func (s Stats) states() Metric {
	m := Metric{Name: "evenkeel_gateway_target_state", Help: "1 for the state that the target is in.", Labels: []string{"group", "target", "state"}}
	for _, g := range s.Groups {
		for _, t := range g.Targets {
			for _, state := range target.States() {
				is := map[bool]float64{true: 1}[state == t.State]
				m.Samples = append(m.Samples, Sample{[]string{g.Name, t.ID, state.String()}, is})
			}
		}
	}
	return m
}

// WritePrometheus writes the snapshot in Prometheus' text format 0.0.4.
func (s Stats) WritePrometheus(w io.Writer) error {
	var b strings.Builder
	for _, m := range s.Metrics() {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.Name, m.Help, m.Name, map[bool]string{true: "counter", false: "gauge"}[m.Counter])
		for _, sample := range m.Samples {
			labels := make([]string, len(m.Labels))
			for i, name := range m.Labels {
				labels[i] = fmt.Sprintf("%s=%q", name, sample.Labels[i])
			}
			all := ""
			if len(labels) > 0 {
				all = "{" + strings.Join(labels, ",") + "}"
			}
			fmt.Fprintf(&b, "%s%s %s\n", m.Name, all, strconv.FormatFloat(sample.Value, 'f', -1, 64))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *Gateway) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if err := g.Stats().WritePrometheus(w); err != nil {
		panic(http.ErrAbortHandler) // the scraper has gone
	}
}

package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/evenkeel/evenkeel/internal/target"
)

// WritePrometheus writes the snapshot in Prometheus' text format 0.0.4.
func (s Stats) WritePrometheus(w io.Writer) error {
	var b strings.Builder
	metric := func(name, kind, help string, sample func(group GroupStats, line func(labels string, v any))) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		for _, grp := range s.Groups {
			sample(grp, func(labels string, v any) {
				fmt.Fprintf(&b, "%s{group=%q%s} %v\n", name, grp.Name, labels, v)
			})
		}
	}
	perTarget := func(name, help string, value func(TargetStatus) any) {
		metric(name, "gauge", help, func(grp GroupStats, line func(string, any)) {
			for _, t := range grp.Targets {
				line(fmt.Sprintf(",target=%q", t.ID), value(t))
			}
		})
	}
	metric("evenkeel_gateway_requests_total", "counter", "Requests that a route led to the group.", func(g GroupStats, line func(string, any)) { line("", g.Requests) })
	metric("evenkeel_gateway_answers_total", "counter", "Answers of targets by class of status.", func(g GroupStats, line func(string, any)) {
		for i, n := range g.Answers {
			line(fmt.Sprintf(",class=\"%dxx\"", i+1), n)
		}
	})
	metric("evenkeel_gateway_refusals_total", "counter", "Answers of the gateway's own.", func(g GroupStats, line func(string, any)) {
		for _, r := range []struct {
			status string
			n      uint64
		}{{"502", g.BadGateway}, {"503", g.Unavailable}, {"504", g.GatewayTimeout}, {"other", g.OtherRefusals}} {
			line(fmt.Sprintf(",status=%q", r.status), r.n)
		}
	})
	metric("evenkeel_gateway_aborted_total", "counter", "Answers that broke off.", func(g GroupStats, line func(string, any)) { line("", g.Aborted) })
	metric("evenkeel_gateway_retries_total", "counter", "Failed connects that went on to another target.", func(g GroupStats, line func(string, any)) { line("", g.Retries) })
	metric("evenkeel_gateway_replays_total", "counter", "Requests sent again.", func(g GroupStats, line func(string, any)) { line("", g.Replays) })
	metric("evenkeel_gateway_ejections_total", "counter", "Targets ejected because a request could not connect.", func(g GroupStats, line func(string, any)) { line("", g.Ejections) })
	metric("evenkeel_gateway_cut_total", "counter", "Requests and streams ended at the deregistration delay.", func(g GroupStats, line func(string, any)) { line("", g.Cut) })
	metric("evenkeel_gateway_moves_total", "counter", "Bound sessions that moved to another target, by cause.", func(g GroupStats, line func(string, any)) {
		for _, m := range []struct {
			cause string
			n     uint64
		}{{"draining", g.MovesDraining}, {"unhealthy", g.MovesUnhealthy}, {"gone", g.MovesGone}, {"failed", g.MovesFailed}} {
			line(fmt.Sprintf(",cause=%q", m.cause), m.n)
		}
	})
	perTarget("evenkeel_gateway_in_flight_requests", "Requests in flight.", func(t TargetStatus) any { return t.InFlight })
	perTarget("evenkeel_gateway_streams", "Upgraded connections and event streams.", func(t TargetStatus) any { return t.Streams })
	perTarget("evenkeel_gateway_bound_sessions", "Sessions bound to the target.", func(t TargetStatus) any { return t.BoundSessions })
	metric("evenkeel_gateway_target_state", "gauge", "1 for the state that the target is in.", func(g GroupStats, line func(string, any)) {
		for _, t := range g.Targets {
			for _, state := range target.States() {
				line(fmt.Sprintf(",target=%q,state=%q", t.ID, state), map[bool]int{true: 1}[state == t.State])
			}
		}
	})
	fmt.Fprintf(&b, "# HELP evenkeel_gateway_events_dropped Events lost to slow subscribers that are connected now.\n# TYPE evenkeel_gateway_events_dropped gauge\nevenkeel_gateway_events_dropped %d\n", s.EventsDropped)
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *Gateway) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if err := g.Stats().WritePrometheus(w); err != nil {
		panic(http.ErrAbortHandler) // the scraper has gone
	}
}

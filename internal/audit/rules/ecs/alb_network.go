package ecs

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// albNetwork are the rules of network load balancers.
var albNetwork = []*rule.Rule{
	{
		ID: "EK-ALB-009", Severity: rule.Warn, Autofix: rule.Guided, Surface: "NLB target group",
		Title:   "long connections are reset at the end of the deregistration delay",
		Why:     "With connection termination the balancer resets what is still open when the delay is over. Streams that live longer break on every deployment.",
		Fix:     "Switch connection termination off and let the program end its connections, or set the delay to the longest of them + margin.",
		Sources: []string{"Elastic Load Balancing: NLB target group attributes, deregistration_delay.connection_termination.enabled (default false)"},
		Check:   checkTermination,
	},
	{
		ID: "EK-ALB-010", Severity: rule.Info, Autofix: rule.Guided, Surface: "NLB target group",
		Title:   "connections to a target that fails its health check are reset",
		Why:     "A program that leaves fails its health check on purpose. The balancer then resets the streams that it was still finishing.",
		Fix:     "Switch the termination of connections to unhealthy targets off, with a draining interval of at least the longest stream.",
		Sources: []string{"Elastic Load Balancing: NLB target group attributes, target_health_state.unhealthy.connection_termination.enabled (default true)"},
		Check:   checkUnhealthyTermination,
	},
}

func checkTermination(p *rule.Pass) {
	for _, g := range p.AWS.TargetGroups {
		if !g.Network || !g.EndsConnections.Written() || !g.EndsConnections.V || !g.Delay.Known() {
			continue
		}
		for _, s := range p.Behind(g) {
			d, stated := busy(s)
			if !stated || g.Delay.V >= d {
				continue
			}
			p.Report(group(p, g, rule.Finding{Node: g.EndsConnections.Node, Service: s,
				Message:    fmt.Sprintf("connections are reset after %s, but may live for %s", value.Seconds(g.Delay.V), value.Seconds(d)),
				Arithmetic: fmt.Sprintf("%s > %s", busyText(s), g.Delay)}))
			break
		}
	}
}

func checkUnhealthyTermination(p *rule.Pass) {
	for _, g := range p.AWS.TargetGroups {
		v := g.CutsUnhealthy
		if !g.Network || !v.Known() || !v.V {
			continue
		}
		for _, s := range p.Behind(g) {
			if s.Needs.LameDuck && s.Needs.Streams.Stated && s.Needs.Streams.D > 0 {
				p.Report(group(p, g, rule.Finding{Node: v.At(g.Node), Service: s,
					Message: fmt.Sprintf("streams of up to %s are reset when the program fails its health check on the way out", value.Seconds(s.Needs.Streams.D))}))
				break
			}
		}
	}
}

package ecs

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// ecsDelay are the rules of the deregistration delay of a service's target
// groups.
var ecsDelay = []*rule.Rule{
	{
		ID: "EK-ECS-003", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS service and target group",
		Title: "the deregistration delay is shorter than the longest request",
		Why: "When the delay is over the balancer closes what is still running, and ECS, which waited only for that, sends SIGTERM. " +
			"Users see a broken download or a 502 on every deployment and scale-in.",
		Fix:     "Set the deregistration delay to the longest request + margin.",
		Sources: []string{"Elastic Load Balancing: target group attributes, deregistration_delay.timeout_seconds (default 300)", "Amazon ECS developer guide: optimize load balancer connection draining"},
		Check:   checkDelay,
	},
	{
		ID: "EK-ECS-004", Severity: rule.Info, Autofix: rule.Safe, Surface: "ECS service and target group",
		Title: "the deregistration delay is left at 300 s for short requests",
		Why: "A target stays in the state draining for the whole delay, also when it is idle, and ECS waits for that: " +
			"every scale-in and deployment takes five minutes longer, and on Spot there are only two.",
		Fix:      "Set the deregistration delay to the longest request + margin.",
		Sources:  []string{"Elastic Load Balancing: target group attributes, deregistration_delay.timeout_seconds (default 300)"},
		YieldsTo: []string{"EK-ECS-005"},
		Check:    checkLongDelay,
	},
}

func checkDelay(p *rule.Pass) {
	for s, t := range Tasks(p) {
		d, stated := busy(s)
		for _, g := range t.Groups {
			if !g.Delay.Known() || g.Delay.V >= d+policy.Margin(d) || g.Network && !g.EndsConnections.V {
				continue // an NLB leaves connections open unless it is told to end them
			}
			severity := rule.Error
			switch {
			case g.Delay.V >= d && !stated:
				continue
			case g.Delay.V >= d, !stated && g.Delay.V > 0:
				severity = rule.Warn
			}
			if d == 0 {
				continue
			}
			p.Report(rule.Finding{Node: g.Delay.At(g.Node), Service: s, Subject: "target group " + g.Name, Severity: severity,
				Message:    fmt.Sprintf("the balancer closes requests after %s, but they may take %s", value.Seconds(g.Delay.V), value.Seconds(d)),
				Arithmetic: fmt.Sprintf("%s + margin %s = %s > %s", busyText(s), value.Seconds(policy.Margin(d)), value.Seconds(d+policy.Margin(d)), g.Delay),
				Fix:        Set(g.Delay, g.Body, rule.WholeSeconds(withMargin(d)))})
		}
	}
}

// longDelay is ELB's default.
const longDelay = 300 * time.Second

func checkLongDelay(p *rule.Pass) {
	for s, t := range Tasks(p) {
		d, stated := busy(s)
		for _, g := range t.Groups {
			if !stated || !s.Needs.Requests.Stated || !g.Delay.Known() || g.Delay.V < longDelay || 3*withMargin(d) > g.Delay.V {
				continue
			}
			p.Report(rule.Finding{Node: g.Delay.At(g.Node), Service: s, Subject: "target group " + g.Name,
				Message:    fmt.Sprintf("every task takes %s to leave, but requests take at most %s", value.Seconds(g.Delay.V), value.Seconds(d)),
				Arithmetic: fmt.Sprintf("%s + margin %s = %s, a third of %s or less", busyText(s), value.Seconds(policy.Margin(d)), value.Seconds(d+policy.Margin(d)), g.Delay),
				Fix:        Set(g.Delay, g.Body, rule.WholeSeconds(withMargin(d)))})
		}
	}
}

package ecs

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// SpotNotice is how long before its end a task on Fargate Spot is told.
const SpotNotice = 120 * time.Second

// ecsSpot are the rules of Fargate Spot, where SIGTERM comes first and the
// balancer hears of it later.
var ecsSpot = []*rule.Rule{
	{
		ID: "EK-ECS-005", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS service on FARGATE_SPOT and target group",
		Title: "on Fargate Spot the deregistration delay does not fit the two minutes' notice",
		Why: "A Spot task is stopped two minutes after its notice, whether the balancer has finished with it or not. " +
			"With a longer delay the balancer still holds connections to it when it is gone: users get 502.",
		Fix:     "Set the deregistration delay so that delay + drain is at most 120 s, and stopTimeout to 120.",
		Sources: []string{"AWS Knowledge Center: Fargate Spot task interruptions", "Amazon ECS developer guide: Fargate capacity providers"},
		Check:   checkSpotDelay,
	},
	{
		ID: "EK-ECS-006", Severity: rule.Error, Autofix: rule.Guided, Surface: "ECS service on FARGATE_SPOT",
		Title: "on Fargate Spot the balancer takes too long to notice that a task leaves",
		Why: "SIGTERM arrives while the balancer still sends requests, and only failing health checks stop it. " +
			"If these take longer than the notice leaves after the drain, new requests reach a task that is killed.",
		Fix:     "Check the health every 5 to 10 s with an unhealthy threshold of 2, and keep serving after SIGTERM until the balancer has noticed.",
		Sources: []string{"AWS Knowledge Center: Fargate Spot task interruptions", "Elastic Load Balancing: health checks for target groups"},
		Check:   checkSpotDetection,
	},
	{
		ID: "EK-ECS-007", Severity: rule.Warn, Autofix: rule.No, Surface: "ECS service",
		Title:   "sessions in memory, and all tasks may be on Fargate Spot",
		Why:     "AWS may take all Spot tasks back at the same time. Every user who is signed in loses the session.",
		Fix:     "Keep at least two tasks on FARGATE (base: 2), or keep the sessions in a store outside.",
		Sources: []string{"Amazon ECS developer guide: capacity provider strategy, base and weight"},
		Check:   checkSpotMemory,
	},
}

func checkSpotDelay(p *rule.Pass) {
	for s, t := range Tasks(p) {
		if t.Spot == nil {
			continue
		}
		drain := s.Needs.Drain()
		for _, g := range t.Groups {
			if !g.Delay.Known() || g.Delay.V < SpotNotice && g.Delay.V+drain <= SpotNotice {
				continue
			}
			f := rule.Finding{Node: g.Delay.At(g.Node), Service: s, Subject: "target group " + g.Name,
				Message:    fmt.Sprintf("a Spot task is gone 120 s after its notice, but the balancer holds on to it for %s", value.Seconds(g.Delay.V)),
				Arithmetic: fmt.Sprintf("%s + %s = %s > 120 s", g.Delay, s.Needs, value.Seconds(g.Delay.V+drain))}
			if !s.Needs.Requests.Stated && g.Delay.V < SpotNotice {
				f.Severity = rule.Warn
			}
			if room := SpotNotice - drain - policy.Margin(drain); room >= withMargin(drain) {
				f.Fix = Set(g.Delay, g.Body, rule.WholeSeconds(withMargin(drain)))
			}
			p.Report(f)
		}
	}
}

func checkSpotDetection(p *rule.Pass) {
	for s, t := range Tasks(p) {
		if t.Spot == nil {
			continue
		}
		room := SpotNotice - s.Needs.Drain()
		for _, g := range t.Groups {
			detection, known := g.Health.Detection()
			if !known || detection <= room {
				continue
			}
			p.Report(rule.Finding{Node: g.Health.Interval.At(g.Node), Service: s, Subject: "target group " + g.Name,
				Message: fmt.Sprintf("the balancer may need %s to notice, and then there is too little left of the notice", value.Seconds(detection)),
				Arithmetic: fmt.Sprintf("%s × %s = %s > 120 s - (%s) = %s", g.Health.Interval, g.Health.Unhealthy,
					value.Seconds(detection), s.Needs, value.Seconds(room))})
		}
	}
}

func checkSpotMemory(p *rule.Pass) {
	for s, t := range Tasks(p) {
		if t.Spot == nil || s.Sessions.Home != session.Memory || !t.OnDemand.Known() && t.OnDemand.State != value.Absent || t.OnDemand.V >= 2 {
			continue
		}
		p.Report(rule.Finding{Node: t.Spot, Service: s,
			Message:    "sessions live in tasks that AWS may take back all at once",
			Arithmetic: fmt.Sprintf("tasks that are always on FARGATE: %d", t.OnDemand.V)})
	}
}

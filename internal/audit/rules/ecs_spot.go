package rules

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// spotNotice is how long before its end a task on Fargate Spot is told.
const spotNotice = 120 * time.Second

// ecsSpot are the rules of Fargate Spot, where SIGTERM comes first and the
// balancer hears of it later.
var ecsSpot = []*Rule{
	{
		ID: "EK-ECS-005", Severity: Error, Autofix: Safe, Surface: "ECS service on FARGATE_SPOT and target group",
		Title: "on Fargate Spot the deregistration delay does not fit the two minutes' notice",
		Why: "A Spot task is stopped two minutes after its notice, whether the balancer has finished with it or not. " +
			"With a longer delay the balancer still holds connections to it when it is gone: users get 502.",
		Fix:     "Set the deregistration delay so that delay + drain is at most 120 s, and stopTimeout to 120.",
		Sources: []string{"AWS Knowledge Center: Fargate Spot task interruptions", "Amazon ECS developer guide: Fargate capacity providers"},
		Check:   checkSpotDelay,
	},
	{
		ID: "EK-ECS-006", Severity: Error, Autofix: Guided, Surface: "ECS service on FARGATE_SPOT",
		Title: "on Fargate Spot the balancer takes too long to notice that a task leaves",
		Why: "SIGTERM arrives while the balancer still sends requests, and only failing health checks stop it. " +
			"If these take longer than the notice leaves after the drain, new requests reach a task that is killed.",
		Fix:     "Check the health every 5 to 10 s with an unhealthy threshold of 2, and keep serving after SIGTERM until the balancer has noticed.",
		Sources: []string{"AWS Knowledge Center: Fargate Spot task interruptions", "Elastic Load Balancing: health checks for target groups"},
		Check:   checkSpotDetection,
	},
	{
		ID: "EK-ECS-007", Severity: Warn, Autofix: No, Surface: "ECS service",
		Title:   "sessions in memory, and all tasks may be on Fargate Spot",
		Why:     "AWS may take all Spot tasks back at the same time. Every user who is signed in loses the session.",
		Fix:     "Keep at least two tasks on FARGATE (base: 2), or keep the sessions in a store outside.",
		Sources: []string{"Amazon ECS developer guide: capacity provider strategy, base and weight"},
		Check:   checkSpotMemory,
	},
}

func checkSpotDelay(p *Pass) {
	for s, t := range p.tasks() {
		if t.Spot == nil {
			continue
		}
		drain := s.Needs.Drain()
		for _, g := range t.Groups {
			if !g.Delay.Known() || g.Delay.V < spotNotice && g.Delay.V+drain <= spotNotice {
				continue
			}
			f := Finding{Node: g.Delay.At(g.Node), Service: s, Subject: "target group " + g.Name,
				Message:    fmt.Sprintf("a Spot task is gone 120 s after its notice, but the balancer holds on to it for %s", model.Seconds(g.Delay.V)),
				Arithmetic: fmt.Sprintf("%s + %s = %s > 120 s", g.Delay, s.Needs, model.Seconds(g.Delay.V+drain))}
			if !s.Needs.Requests.Stated && g.Delay.V < spotNotice {
				f.Severity = Warn
			}
			if room := spotNotice - drain - policy.Margin(drain); room >= withMargin(drain) {
				f.Fix = awsSet(g.Delay, g.Body, wholeSeconds(withMargin(drain)))
			}
			p.Report(f)
		}
	}
}

func checkSpotDetection(p *Pass) {
	for s, t := range p.tasks() {
		if t.Spot == nil {
			continue
		}
		room := spotNotice - s.Needs.Drain()
		for _, g := range t.Groups {
			detection, known := g.Health.Detection()
			if !known || detection <= room {
				continue
			}
			p.Report(Finding{Node: g.Health.Interval.At(g.Node), Service: s, Subject: "target group " + g.Name,
				Message: fmt.Sprintf("the balancer may need %s to notice, and then there is too little left of the notice", model.Seconds(detection)),
				Arithmetic: fmt.Sprintf("%s × %s = %s > 120 s - (%s) = %s", g.Health.Interval, g.Health.Unhealthy,
					model.Seconds(detection), s.Needs, model.Seconds(room))})
		}
	}
}

func checkSpotMemory(p *Pass) {
	for s, t := range p.tasks() {
		if t.Spot == nil || s.Sessions.Home != model.Memory || !t.OnDemand.Known() && t.OnDemand.State != model.Absent || t.OnDemand.V >= 2 {
			continue
		}
		p.Report(Finding{Node: t.Spot, Service: s,
			Message:    "sessions live in tasks that AWS may take back all at once",
			Arithmetic: fmt.Sprintf("tasks that are always on FARGATE: %d", t.OnDemand.V)})
	}
}

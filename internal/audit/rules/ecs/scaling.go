package ecs

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// ecsScaling are the rules of how fast a service scales in.
var ecsScaling = []*rule.Rule{
	{
		ID: "EK-ECS-020", Severity: rule.Error, Autofix: rule.Safe, Surface: "Application Auto Scaling policy",
		Title: "the next scale-in starts while the last one drains",
		Why: "The cooldown is over before the tasks of the last scale-in have left. Several rounds drain at once: " +
			"with sessions in memory users are moved again and again, and the rest of the tasks carry all of it.",
		Fix:     "Set the scale-in cooldown to the deregistration delay + stopTimeout.",
		Sources: []string{"Application Auto Scaling API: ScaleInCooldown", "Elastic Load Balancing: deregistration_delay.timeout_seconds (default 300)"},
		Check:   checkCooldown,
	},
	{
		ID: "EK-ECS-021", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Application Auto Scaling step policy",
		Title:   "a step takes several tasks away at once",
		Why:     "All their connections, and with sessions in memory all their users, move in the same moment to what is left.",
		Fix:     "Take away one task per step, or at most 10 %.",
		Sources: []string{"Application Auto Scaling API: StepAdjustment"},
		Check:   checkSteps,
	},
}

func checkCooldown(p *rule.Pass) {
	for s, t := range webTasks(p) {
		delay, ok := longestDelay(t)
		if t.Scaling == nil || !ok || !s.Grace.Known() {
			continue
		}
		sum := delay.V + s.Grace.V
		for _, policy := range t.Scaling.Policies {
			v := policy.InCooldown
			if !v.Written() || v.V >= sum {
				continue
			}
			if v.V >= delay.V && s.Sessions.Home != session.Memory {
				continue // the last of them has long stopped to get requests
			}
			f := rule.Finding{Node: v.Node, Service: s, Severity: rule.Warn,
				Message:    fmt.Sprintf("tasks may still be leaving when %s lets the next ones go", policy.Name),
				Arithmetic: fmt.Sprintf("%s < %s + %s = %s", v, delay, s.Grace, value.Seconds(sum)),
				Fix:        Set(v, t.Body, rule.WholeSeconds(sum))}
			switch s.Sessions.Home {
			case session.Memory:
				f.Severity = rule.Error
			case session.External:
				f.Severity = rule.Info
			case session.HomeUnknown:
			}
			p.Report(f)
		}
	}
}

// longestDelay is the longest deregistration delay of a service's target groups.
func longestDelay(t *aws.TaskService) (longest value.Value[time.Duration], ok bool) {
	for _, g := range t.Groups {
		if !g.Delay.Known() {
			return longest, false
		}
		if longest.State == value.Absent || g.Delay.V > longest.V {
			longest = g.Delay
		}
	}
	return longest, len(t.Groups) > 0
}

func checkSteps(p *rule.Pass) {
	for s, t := range webTasks(p) {
		if t.Scaling == nil {
			continue
		}
		for _, policy := range t.Scaling.Policies {
			for _, step := range policy.Steps {
				unit, most := " tasks", -1
				if step.Percent {
					unit, most = " % of the tasks", -10
				}
				if step.Adjustment >= most {
					continue
				}
				f := rule.Finding{Node: step.Node, Service: s,
					Message: fmt.Sprintf("a step of %s takes away %d%s at once", policy.Name, -step.Adjustment, unit)}
				if t.Body != nil {
					f.Fix = Set(value.Value[int]{V: step.Adjustment, State: value.Written, Node: step.Node, Name: "scaling_adjustment"}, t.Body, fmt.Sprint(most))
				}
				if s.Sessions.Home == session.External {
					f.Severity = rule.Info
				}
				p.Report(f)
			}
		}
	}
}

package ecs

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// ecsDeployment are the rules of how a service replaces its tasks.
var ecsDeployment = []*rule.Rule{
	{
		ID: "EK-ECS-012", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS service",
		Title:   "the minimum healthy percent lets old tasks stop before new ones are there",
		Why:     "A deployment may stop that many tasks before their successors are healthy. With one task, or at 0 %, nobody answers in between; with more the rest carry the load.",
		Fix:     "Set the minimum healthy percent to 100 and the maximum to 200.",
		Sources: []string{"Amazon ECS API: DeploymentConfiguration (defaults 100 and 200; the minimum is rounded up)"},
		Check:   checkMinHealthy,
	},
	{
		ID: "EK-ECS-013", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS service",
		Title: "no deployment is possible: no task may stop and none may start",
		Why: "ECS may not stop an old task and has no room for a new one. The deployment hangs until somebody stops tasks by hand, " +
			"which sends SIGTERM while requests still arrive.",
		Fix:     "Set the maximum percent to 200.",
		Sources: []string{"Amazon ECS API: DeploymentConfiguration (the minimum is rounded up, the maximum down)"},
		Check:   checkDeadlock,
	},
	{
		ID: "EK-ECS-014", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS service and target group",
		Title: "a task that is still starting is killed by the balancer's health check",
		Why: "Without a grace period ECS stops a task as soon as its target is unhealthy. With a quick health check that is before a usual program has started: " +
			"tasks are replaced for ever, and a scale-out never arrives.",
		Fix:     "Set the health check grace period to start-up time + interval × healthy threshold + margin.",
		Sources: []string{"Amazon ECS API: Service.healthCheckGracePeriodSeconds (default 0)"},
		Check:   checkHealthGrace,
	},
	{
		ID: "EK-ECS-019", Severity: rule.Error, Autofix: rule.Safe, Surface: "Terraform aws_ecs_service and aws_appautoscaling_target",
		Title:   "Terraform sets the number of tasks that autoscaling sets too",
		Why:     "Every apply sets the number back to desired_count. At a busy hour that stops most tasks at once, with all that is in them.",
		Fix:     "Add lifecycle { ignore_changes = [desired_count] } to the service.",
		Sources: []string{"Terraform AWS provider: aws_ecs_service, ignoring changes to desired count"},
		Check:   checkDesired,
	},
	{
		ID: "EK-ECS-024", Severity: rule.Warn, Autofix: rule.Guided, Surface: "ECS blue/green deployment",
		Title:   "sessions in memory, and the old tasks end soon after the switch",
		Why:     "Sessions live in the old tasks. When the bake time is over these are stopped, and whoever was signed in there is signed out.",
		Fix:     "Bake for as long as a session lives, or keep the sessions in a store outside.",
		Sources: []string{"Amazon ECS developer guide: blue/green deployments, bake time"},
		Check:   checkBake,
	},
}

func checkMinHealthy(p *rule.Pass) {
	for s, t := range webTasks(p) {
		v := t.MinHealthy
		if t.Daemon || !v.Known() || v.V >= 100 {
			continue
		}
		f := rule.Finding{Node: v.At(t.Node), Service: s, Severity: rule.Warn,
			Fix:     Both(Set(v, t.Body, "100"), Set(t.MaxHealthy, t.Body, "200"), !t.MaxHealthy.Known() || t.MaxHealthy.V < 200),
			Message: fmt.Sprintf("a deployment may stop %d %% of the tasks before new ones are healthy", 100-v.V)}
		if n := s.Replicas; n.Known() && n.V > 0 {
			least := roundUp(n.V, v.V)
			if least >= n.V {
				continue
			}
			if f.Arithmetic = fmt.Sprintf("%s of %d, rounded up = %d stay", v, n.V, least); least == 0 {
				f.Severity = rule.Error
			}
		}
		if v.V == 0 {
			f.Severity = rule.Error
		}
		p.Report(f)
	}
}

// roundUp is percent of n, rounded up.
func roundUp(n, percent int) int { return (n*percent + 99) / 100 }

func checkDeadlock(p *rule.Pass) {
	for s, t := range webTasks(p) {
		low, high, n := t.MinHealthy, t.MaxHealthy, s.Replicas
		if t.Daemon || !low.Known() || !high.Known() || low.V < 0 || high.V < 0 {
			continue
		}
		f := rule.Finding{Node: high.At(t.Node), Service: s, Fix: Set(high, t.Body, "200")}
		switch {
		case low.V >= 100 && high.V <= 100:
			f.Message = "a deployment can neither stop an old task nor start a new one"
			f.Arithmetic = fmt.Sprintf("%s and %s", low, high)
		case t.Scaling == nil && n.Known() && n.V > 0 && n.V < 1_000_000 && roundUp(n.V, low.V) >= n.V && n.V*high.V/100 <= n.V:
			f.Message = fmt.Sprintf("with %d tasks a deployment can neither stop an old one nor start a new one", n.V)
			f.Arithmetic = fmt.Sprintf("%s of %d, rounded up = %d; %s of %d, rounded down = %d", low, n.V, roundUp(n.V, low.V), high, n.V, n.V*high.V/100)
		default:
			continue
		}
		p.Report(f)
	}
}

// quickStart and usualStart are what small programs, and others, may need until
// they answer.
const (
	quickStart = 15 * time.Second
	usualStart = 30 * time.Second
)

func checkHealthGrace(p *rule.Pass) {
	for s, t := range webTasks(p) {
		if !t.HealthGrace.Known() || t.Daemon {
			continue
		}
		for _, g := range t.Groups {
			detection, known := g.Health.Detection()
			if !known || t.HealthGrace.V+detection > usualStart {
				continue
			}
			severity := rule.Error
			if t.HealthGrace.V+detection > quickStart {
				severity = rule.Warn
			}
			p.Report(rule.Finding{Node: t.HealthGrace.At(t.Node), Service: s, Severity: severity,
				Message: fmt.Sprintf("a task that needs more than %s to start is killed before it is healthy", value.Seconds(t.HealthGrace.V+detection)),
				Arithmetic: fmt.Sprintf("%s + %s × %s = %s", t.HealthGrace, g.Health.Interval, g.Health.Unhealthy,
					value.Seconds(t.HealthGrace.V+detection)),
				Fix: Set(t.HealthGrace, t.Body, rule.WholeSeconds(healthGrace(g)))})
			break
		}
	}
}

// healthGrace is a grace period for a program that starts within a minute.
func healthGrace(g *aws.TargetGroup) time.Duration {
	healthy := 5
	if g.Health.Healthy.Known() {
		healthy = g.Health.Healthy.V
	}
	return withMargin(time.Minute + g.Health.Interval.V*time.Duration(healthy))
}

func checkDesired(p *rule.Pass) {
	for s, t := range Tasks(p) {
		if t.Scaling == nil || t.KeepsDesired || t.Desired.Node == nil || t.Desired.Node.Doc.File.Format != tree.HCL {
			continue
		}
		p.Report(rule.Finding{Node: t.Desired.Node, Service: s,
			Message: "every apply sets the number of tasks back, against autoscaling",
			Fix:     ignoreDesired(t)})
	}
}

// ignoreDesired lets Terraform leave the number alone; nil if there is a
// lifecycle block already.
func ignoreDesired(t *aws.TaskService) *rule.Change {
	if t.Body == nil || t.Body.Get("lifecycle") != nil {
		return nil
	}
	return rule.Mend("add lifecycle { ignore_changes = [desired_count] }", edit.Insert(t.Body, edit.Entry{Key: "lifecycle",
		Children: []edit.Entry{{Key: "ignore_changes", Item: true, Children: []edit.Entry{{Value: "desired_count", Reference: true}}}}}))
}

func checkBake(p *rule.Pass) {
	for s, t := range Tasks(p) {
		if v := t.Bake; s.Sessions.Home == session.Memory && v.Known() && s.Sessions.Timeout.Known() && v.V < s.Sessions.Timeout.V {
			p.Report(rule.Finding{Node: v.Node, Service: s,
				Message:    "the old tasks are stopped while sessions live in them",
				Arithmetic: fmt.Sprintf("%s < %s", v, s.Sessions.Timeout)})
		}
	}
}

package ecs

import (
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Fargate's limits of stopTimeout.
const (
	fargateLeast = 2 * time.Second
	fargateMost  = 120 * time.Second
)

// ecsStop are the rules of the time between SIGTERM and SIGKILL.
var ecsStop = []*rule.Rule{
	{
		ID: "EK-ECS-001", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS task definition",
		Title: "stopTimeout is shorter than what must finish after SIGTERM",
		Why: "ECS sends SIGKILL when stopTimeout is over. Requests that are still running are cut, and what was not yet written is lost. " +
			"On Fargate Spot, with StopTask and after a failed health check SIGTERM comes while requests still arrive; a deployment or a scale-in first waits for the deregistration delay.",
		Fix:      "Set stopTimeout to max(requests, streams) + flush + margin; Fargate allows 120 s at most.",
		Sources:  []string{"Amazon ECS API: ContainerDefinition.stopTimeout (default 30 s, Fargate at most 120 s)", "Amazon ECS developer guide: optimize load balancer connection draining"},
		YieldsTo: []string{"EK-ECS-002"},
		Check:    checkStopTimeout,
	},
	{
		ID: "EK-ECS-002", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS task definition",
		Title:   "stopTimeout is outside what Fargate allows",
		Why:     "Fargate allows 2 s to 120 s. The task definition is refused, or the time that the program counts on is not there and it is killed early.",
		Fix:     "Set stopTimeout to at most 120; let long work finish within the deregistration delay, or protect the task from scale-in.",
		Sources: []string{"Amazon ECS API: ContainerDefinition.stopTimeout"},
		Check:   checkFargateStop,
	},
	{
		ID: "EK-ECS-026", Severity: rule.Warn, Autofix: rule.Safe, Surface: "ECS task definition",
		Title: "on EC2 without stopTimeout: every host has its own",
		Why: "Without stopTimeout the agent's ECS_CONTAINER_STOP_TIMEOUT counts, 30 s unless somebody changed it on that host. " +
			"AWS's own advice for fast deployments sets it to 2 s: then requests are cut on some hosts and not on others.",
		Fix:      "Write stopTimeout into the task definition.",
		Sources:  []string{"Amazon ECS API: ContainerDefinition.stopTimeout", "Amazon ECS developer guide: container agent configuration"},
		YieldsTo: []string{"EK-ECS-001"},
		Check:    checkHostStop,
	},
}

func checkStopTimeout(p *rule.Pass) {
	for s, t := range Tasks(p) {
		if t.Main == nil || !s.Grace.Known() || !t.Balanced && !s.Needs.Requests.Stated && !s.Needs.Streams.Stated {
			continue
		}
		sum, text := s.Needs.Drain(), s.Needs.String()
		if s.Needs.LameDuck {
			sum += s.Needs.Withdraw.D
			text = fmt.Sprintf("withdraw %s + %s", s.Needs.Withdraw, text)
		}
		margin := policy.Margin(sum)
		if t.Fargate && s.Grace.V == fargateMost && drained(s, t) {
			continue // there is no more to give, and a scale-in does not need it
		}
		severity := rule.Error
		switch {
		case sum <= s.Grace.V && !s.Needs.Requests.Stated && !s.Needs.Streams.Stated, sum+margin <= s.Grace.V:
			continue
		case sum <= s.Grace.V || drained(s, t):
			severity = rule.Warn
		}
		message := fmt.Sprintf("the task is killed %s after SIGTERM, but needs %s to leave", value.Seconds(s.Grace.V), value.Seconds(sum+margin))
		if severity == rule.Warn && sum > s.Grace.V {
			message += " when it is stopped outright; a scale-in waits for the deregistration delay first"
		}
		f := rule.Finding{Node: s.Grace.At(t.Main.Node), Service: s, Severity: severity, Message: message,
			Arithmetic: fmt.Sprintf("%s + margin %s = %s > %s", text, value.Seconds(margin), value.Seconds(sum+margin), s.Grace)}
		if t.Fargate && rule.UpToSecond(sum+margin) > fargateMost {
			f.Message += "; Fargate allows 120 s at most"
		} else {
			f.Fix = Set(s.Grace, containerBody(t), rule.WholeSeconds(sum+margin))
		}
		p.Report(f)
	}
}

// drained reports whether a scale-in waits until requests have finished before
// it sends SIGTERM: what is left then fits the time.
func drained(s *model.Service, t *aws.TaskService) bool {
	d, _ := busy(s)
	if t.Spot != nil || s.Needs.LameDuck || len(t.Groups) == 0 || s.Needs.Flush.D > s.Grace.V {
		return false
	}
	for _, g := range t.Groups {
		if !g.Delay.Known() || g.Delay.V < d {
			return false
		}
	}
	return true
}

func checkFargateStop(p *rule.Pass) {
	seen := map[*aws.TaskDefinition]bool{}
	about := map[*aws.TaskDefinition]*model.Service{}
	fargate := map[*aws.TaskDefinition]bool{}
	for s, t := range Tasks(p) {
		if t.Task != nil {
			about[t.Task] = s
			fargate[t.Task] = fargate[t.Task] || t.Fargate
		}
	}
	for _, t := range p.AWS.Tasks {
		if seen[t] || !t.Fargate && !fargate[t] {
			continue
		}
		seen[t] = true
		for _, c := range t.Containers {
			v := c.StopTimeout
			if !v.Written() || v.V >= fargateLeast && v.V <= fargateMost {
				continue
			}
			within := min(max(v.V, fargateLeast), fargateMost)
			f := rule.Finding{Node: v.Node, Service: about[t], Subject: "task " + t.Name,
				Message:    fmt.Sprintf("Fargate does not allow %s", v),
				Arithmetic: fmt.Sprintf("%s is not within 2 s to 120 s", v),
				Fix:        Set(v, t.Body, rule.WholeSeconds(within))}
			if s := about[t]; s != nil {
				f.Subject = s.String()
			}
			p.Report(f)
		}
	}
}

func checkHostStop(p *rule.Pass) {
	for s, t := range webTasks(p) {
		if !t.EC2 || t.Main == nil || s.Grace.State != value.Default {
			continue
		}
		p.Report(rule.Finding{Node: t.Main.Node, Service: s,
			Message: "without stopTimeout the time before SIGKILL is that of each host's agent (30 s unless changed)",
			Fix:     Set(s.Grace, containerBody(t), rule.WholeSeconds(max(withMargin(s.Needs.Drain()), s.Grace.V)))})
	}
}

// containerBody is where settings of the main container are added; nil where
// nothing is edited.
func containerBody(t *aws.TaskService) *tree.Node {
	if t.Task == nil || t.Task.Body == nil || t.Main == nil {
		return nil
	}
	return t.Main.Node
}

// base is the last part of a path: sh of /bin/sh.
func base(path string) string { return path[strings.LastIndex(path, "/")+1:] }

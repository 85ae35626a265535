package ecs

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// ecsSessions are the rules of services whose tasks cannot just be taken away.
var ecsSessions = []*rule.Rule{
	{
		ID: "EK-ECS-022", Severity: rule.Warn, Autofix: rule.Guided, Surface: "ECS service",
		Title:   "sessions in memory and no protection of the tasks that hold them",
		Why:     "Scale-in and deployments choose tasks without asking. The sessions in them outlive the deregistration delay, so their users are signed out.",
		Fix:     "Protect a task while it has sessions: PUT $ECS_AGENT_URI/task-protection/v1/state, renewed before it expires, with ecs:UpdateTaskProtection in the task's role. Or keep the sessions in a store outside.",
		Sources: []string{"Amazon ECS developer guide: task scale-in protection (120 minutes by default, at most 2880)"},
		Check:   checkTaskProtection,
	},
	{
		ID: "EK-ECS-023", Severity: rule.Error, Autofix: rule.Guided, Surface: "ECS service with Cloud Map",
		Title: "found by DNS alone: tasks stop while clients still have their address",
		Why: "With service discovery and no balancer ECS stops a task as soon as it is out of Cloud Map. " +
			"Clients go on using its address until their DNS caches end, and their requests are refused.",
		Fix:     "Keep serving after SIGTERM for the records' TTL and the clients' caches, and make stopTimeout longer than that and the drain. Service Connect or a balancer avoid it.",
		Sources: []string{"aws/containers-roadmap issue 1639", "Amazon ECS developer guide: service discovery"},
		Check:   checkDiscovery,
	},
}

func checkTaskProtection(p *rule.Pass) {
	for s, t := range webTasks(p) {
		delay, ok := longestDelay(t)
		timeout := s.Sessions.Timeout
		if s.Sessions.Home != session.Memory || !p.AWS.RolesRead || p.AWS.ProtectionMentioned || !ok || !timeout.Known() || timeout.V <= delay.V+fargateMost {
			continue
		}
		p.Report(rule.Finding{Node: t.Node, Service: s,
			Message:    "tasks with live sessions may be stopped, and nothing protects them",
			Arithmetic: fmt.Sprintf("%s > %s + %s", timeout, delay, value.Seconds(fargateMost))})
	}
}

func checkDiscovery(p *rule.Pass) {
	for s, t := range Tasks(p) {
		if t.Balanced || len(t.Registries) == 0 || s.Needs.LameDuck {
			continue
		}
		f := rule.Finding{Node: t.Registries[0], Service: s, Severity: rule.Warn,
			Message: "tasks stop at once, but clients keep their addresses until the records' TTL is over"}
		if s.Stated != nil && s.Stated.Shutdown.Withdraw != nil && *s.Stated.Shutdown.Withdraw > time.Duration(0) {
			f.Severity = rule.Error
			f.Arithmetic = fmt.Sprintf("withdraw %s is stated, and lame_duck is not", s.Needs.Withdraw)
		}
		p.Report(f)
	}
}

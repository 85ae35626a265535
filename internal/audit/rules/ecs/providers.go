package ecs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// ecsProviders are the rules of capacity providers of EC2 instances.
var ecsProviders = []*rule.Rule{
	{
		ID: "EK-ECS-008", Severity: rule.Error, Autofix: rule.Safe, Surface: "launch template of Spot instances",
		Title: "the agent does not drain a Spot instance that is taken back",
		Why: "EC2 gives two minutes' notice. Without the setting the agent ignores it: tasks stay behind the balancer, get no SIGTERM, and are gone " +
			"with the machine, and their users' requests with them.",
		Fix:     "Write ECS_ENABLE_SPOT_INSTANCE_DRAINING=true to /etc/ecs/ecs.config in the user data; in Bottlerocket enable-spot-instance-draining = true.",
		Sources: []string{"Amazon ECS developer guide: container agent configuration, ECS_ENABLE_SPOT_INSTANCE_DRAINING (default false)"},
		Check:   checkSpotAgent,
	},
	{
		ID: "EK-ECS-009", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS capacity provider",
		Title:   "managed draining is switched off",
		Why:     "When the group of instances scales in, instances end under running tasks: everything that runs on them is cut.",
		Fix:     "Set managed draining to ENABLED, which is the default of new capacity providers.",
		Sources: []string{"Amazon ECS developer guide: managed instance draining"},
		Check:   checkManagedDraining,
	},
	{
		ID: "EK-ECS-010", Severity: rule.Warn, Autofix: rule.Safe, Surface: "ECS capacity provider and Auto Scaling group",
		Title:   "managed termination protection without what it needs",
		Why:     "It works only with managed scaling and with the group's protection from scale-in. Without them instances with tasks are ended all the same.",
		Fix:     "Enable managed scaling, and the protection of new instances in the Auto Scaling group.",
		Sources: []string{"Amazon ECS developer guide: managed termination protection"},
		Check:   checkProtection,
	},
}

func checkManagedDraining(p *rule.Pass) {
	for _, c := range p.AWS.Providers {
		if c.Draining.Written() && c.Draining.V == "DISABLED" {
			p.Report(rule.Finding{Node: c.Draining.Node, Subject: "capacity provider " + c.Name,
				Message: "instances end under running tasks",
				Fix:     Set(c.Draining, c.Body, "ENABLED")})
		}
	}
}

func checkProtection(p *rule.Pass) {
	for _, c := range p.AWS.Providers {
		if c.Protection.V != "ENABLED" {
			continue
		}
		missing := ""
		switch {
		case c.ManagedScaling.Known() && c.ManagedScaling.V == "DISABLED":
			missing = "managed scaling"
		case c.GroupProtects.Known() && !c.GroupProtects.V:
			missing = "the Auto Scaling group's protection from scale-in"
		default:
			continue
		}
		f := rule.Finding{Node: c.Protection.Node, Subject: "capacity provider " + c.Name,
			Message: fmt.Sprintf("the protection of instances with tasks does nothing without %s", missing)}
		if c.ManagedScaling.Written() && c.ManagedScaling.V == "DISABLED" {
			f.Fix = Set(c.ManagedScaling, c.Body, "ENABLED")
		}
		p.Report(f)
	}
}

var (
	drainsSpot  = regexp.MustCompile(`(?i)ECS_ENABLE_SPOT_INSTANCE_DRAINING\s*=\s*["']?true|enable-spot-instance-draining\s*=\s*true`)
	ignoresSpot = regexp.MustCompile(`(?i)(ECS_ENABLE_SPOT_INSTANCE_DRAINING\s*=\s*["']?)false`)
	joinsECS    = regexp.MustCompile(`ECS_CLUSTER\s*=|/etc/ecs/ecs\.config|\[settings\.ecs\]`)
	fetched     = regexp.MustCompile(`(?m)^\s*(\.|source|curl|wget|aws s3 cp)\s`) // what else may set it
)

func checkSpotAgent(p *rule.Pass) {
	for _, s := range p.AWS.Instances {
		text := s.UserData.V
		if !s.UserData.Written() || !joinsECS.MatchString(text) || drainsSpot.MatchString(text) || fetched.MatchString(text) {
			continue
		}
		message := "the agent ignores the notice that the instance is taken back"
		if strings.Contains(text, "INSTANCE_DRAINING") {
			message += ": its setting is not true"
		}
		f := rule.Finding{Node: s.UserData.Node, Subject: "launch template " + s.Name, Message: message}
		if mended := ignoresSpot.ReplaceAllString(text, "${1}true"); mended != text {
			f.Fix = rule.Mend("set ECS_ENABLE_SPOT_INSTANCE_DRAINING to true", edit.Set(s.UserData.Node, mended))
		}
		p.Report(f)
	}
}

package rules

import "fmt"

// ecsProviders are the rules of capacity providers of EC2 instances.
var ecsProviders = []*Rule{
	{
		ID: "EK-ECS-009", Severity: Error, Autofix: Safe, Surface: "ECS capacity provider",
		Title:   "managed draining is switched off",
		Why:     "When the group of instances scales in, instances end under running tasks: everything that runs on them is cut.",
		Fix:     "Set managed draining to ENABLED, which is the default of new capacity providers.",
		Sources: []string{"Amazon ECS developer guide: managed instance draining"},
		Check:   checkManagedDraining,
	},
	{
		ID: "EK-ECS-010", Severity: Warn, Autofix: Safe, Surface: "ECS capacity provider and Auto Scaling group",
		Title:   "managed termination protection without what it needs",
		Why:     "It works only with managed scaling and with the group's protection from scale-in. Without them instances with tasks are ended all the same.",
		Fix:     "Enable managed scaling, and the protection of new instances in the Auto Scaling group.",
		Sources: []string{"Amazon ECS developer guide: managed termination protection"},
		Check:   checkProtection,
	},
}

func checkManagedDraining(p *Pass) {
	for _, c := range p.AWS.Providers {
		if c.Draining.Written() && c.Draining.V == "DISABLED" {
			p.Report(Finding{Node: c.Draining.Node, Subject: "capacity provider " + c.Name,
				Message: "instances end under running tasks",
				Fix:     awsSet(c.Draining, c.Body, "ENABLED")})
		}
	}
}

func checkProtection(p *Pass) {
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
		f := Finding{Node: c.Protection.Node, Subject: "capacity provider " + c.Name,
			Message: fmt.Sprintf("the protection of instances with tasks does nothing without %s", missing)}
		if c.ManagedScaling.Written() && c.ManagedScaling.V == "DISABLED" {
			f.Fix = awsSet(c.ManagedScaling, c.Body, "ENABLED")
		}
		p.Report(f)
	}
}

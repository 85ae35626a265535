package ecs

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// albRules are the rules of load balancers of AWS and their target groups.
var albRules = slices.Concat(albSticky, albTimes, albNetwork)

// group is the subject and the service of a finding about a target group.
func group(p *rule.Pass, g *aws.TargetGroup, f rule.Finding) rule.Finding {
	f.Subject = "target group " + g.Name
	if all := p.Behind(g); len(all) > 0 {
		f.Service = all[0]
	}
	return f
}

// setSticky gives a part of the stickiness of g another value: an argument of
// the block of Terraform, or an attribute.
func setSticky[T any](g *aws.TargetGroup, v value.Value[T], text string) *rule.Change {
	if g.Sticky.Node == nil || v.Written() {
		return Set(v, g.Body, text)
	}
	if g.Body == nil {
		return nil
	}
	return Set(v, g.Sticky.Node, text)
}

// albSticky are the rules of who keeps a user with a target.
var albSticky = []*rule.Rule{
	{
		ID: "EK-ALB-001", Severity: rule.Error, Autofix: rule.Guided, Surface: "target group",
		Title:   "sessions in memory and no stickiness",
		Why:     "The requests of one user are spread over all targets, and only one of them has the session: users are signed out at random.",
		Fix:     "Enable stickiness, or better keep the sessions in a store outside.",
		Sources: []string{"Elastic Load Balancing: target group attributes, stickiness.enabled (default false)"},
		Check:   checkStickiness,
	},
	{
		ID: "EK-ALB-002", Severity: rule.Error, Autofix: rule.Safe, Surface: "target group",
		Title:   "the stickiness ends before the session",
		Why:     "When the balancer's cookie is over the user gets another target, which does not have the session.",
		Fix:     "Set the duration to at least the session timeout.",
		Sources: []string{"Elastic Load Balancing: sticky sessions, duration 1 s to 604800 s (default 86400)"},
		Check:   checkStickyLength,
	},
	{
		ID: "EK-ALB-003", Severity: rule.Error, Autofix: rule.Safe, Surface: "target group and program",
		Title:   "the cookie that stickiness follows is not the session's",
		Why:     "The balancer waits for a cookie that the program never sets, or that is reserved for the balancer: no user is ever kept with a target.",
		Fix:     "Set the cookie's name to the session cookie's.",
		Sources: []string{"Elastic Load Balancing: application-based stickiness; AWSALB, AWSALBAPP and AWSALBTG are reserved"},
		Check:   checkStickyCookie,
	},
	{
		ID: "EK-ALB-008", Severity: rule.Error, Autofix: rule.Safe, Surface: "listener or listener rule",
		Title: "requests are spread over target groups by weight, without stickiness between groups",
		Why: "Every request draws its group anew. A user goes back and forth between two versions, and what only one of them knows of the session is not there in the other. " +
			"Stickiness of a target group begins only after the group was drawn.",
		Fix:     "Enable the stickiness of the forward action for at least the session timeout.",
		Sources: []string{"Elastic Load Balancing: listener rules, target group stickiness"},
		Check:   checkWeights,
	},
}

func checkStickiness(p *rule.Pass) {
	for _, g := range p.AWS.TargetGroups {
		s := groupInMemory(p, g)
		if s == nil || g.Network || !g.Sticky.Enabled.Known() || g.Sticky.Enabled.V {
			continue
		}
		p.Report(rule.Finding{Node: g.Sticky.Enabled.At(g.Node), Service: s, Subject: "target group " + g.Name,
			Message: fmt.Sprintf("sessions are in memory (%s), but requests of one user go to any target", s.Sessions.Source)})
	}
}

// groupInMemory is a service behind g that keeps its sessions in memory and has more
// than one task, or may have.
func groupInMemory(p *rule.Pass, g *aws.TargetGroup) *model.Service {
	for _, s := range p.Behind(g) {
		single := s.Replicas.Known() && s.Replicas.V <= 1
		if scaling := s.Task.Scaling; scaling != nil {
			single = scaling.Max.Known() && scaling.Max.V <= 1
		}
		if s.Sessions.Home == session.Memory && !single {
			return s
		}
	}
	return nil
}

func checkStickyLength(p *rule.Pass) {
	for _, g := range p.AWS.TargetGroups {
		v := g.Sticky.Length
		if !g.Sticky.Enabled.Known() || !g.Sticky.Enabled.V || !v.Known() || !g.Sticky.Kind.Known() {
			continue
		}
		for _, s := range p.Behind(g) {
			if s.Sessions.Home == session.External || !s.Sessions.Timeout.Known() || v.V >= s.Sessions.Timeout.V {
				continue
			}
			f := group(p, g, rule.Finding{Node: v.At(g.Node), Service: s,
				Message:    fmt.Sprintf("users lose their target after %s, but sessions live on", value.Seconds(v.V)),
				Arithmetic: fmt.Sprintf("%s < %s", v, s.Sessions.Timeout),
				Fix:        setSticky(g, v, rule.WholeSeconds(s.Sessions.Timeout.V))})
			if s.Sessions.Home != session.Memory {
				f.Severity = rule.Warn
			}
			p.Report(f)
			break
		}
	}
}

// reservedCookies are ELB's own.
var reservedCookies = []string{"AWSALB", "AWSALBAPP", "AWSALBTG"}

func checkStickyCookie(p *rule.Pass) {
	for _, g := range p.AWS.TargetGroups {
		v := g.Sticky.Cookie
		if g.Sticky.Kind.V != "app_cookie" || g.Sticky.Enabled.Known() && !g.Sticky.Enabled.V || !v.Written() {
			continue
		}
		if slices.Contains(reservedCookies, v.V) {
			p.Report(group(p, g, rule.Finding{Node: v.Node, Message: fmt.Sprintf("the name %s is reserved for the balancer", v.V)}))
			continue
		}
		for _, s := range p.Behind(g) {
			cookie := s.Sessions.Cookie
			if !cookie.Known() || cookie.V == v.V || s.Sessions.Home == session.External {
				continue
			}
			p.Report(group(p, g, rule.Finding{Node: v.Node,
				Message:    fmt.Sprintf("the balancer follows the cookie %s, but the session's is %s", v.V, cookie.V),
				Arithmetic: fmt.Sprintf("%s, %s", v, cookie),
				Fix:        setSticky(g, v, cookie.V)}))
			break
		}
	}
}

func checkWeights(p *rule.Pass) {
	for _, f := range p.AWS.Forwards {
		used, home := 0, session.HomeUnknown
		var about *model.Service
		for _, g := range f.Groups {
			if !g.Weight.Known() {
				used = 0
				break
			}
			if g.Weight.V > 0 {
				used++
			}
			if g.Group != nil && len(p.Behind(g.Group)) > 0 && home != session.Memory {
				about = p.Behind(g.Group)[0]
				home = about.Sessions.Home
			}
		}
		if used < 2 || f.Network || !f.Sticky.Known() || f.Sticky.V {
			continue
		}
		finding := rule.Finding{Node: f.Sticky.At(f.Node), Service: about, Subject: "listener " + f.Name,
			Message: fmt.Sprintf("every request of a user draws one of %d target groups anew", used), Fix: stickForward(f)}
		switch home {
		case session.Memory:
		case session.External:
			finding.Severity = rule.Info
		case session.HomeUnknown:
			finding.Severity = rule.Warn
		}
		p.Report(finding)
	}
}

// stickForward switches on a stickiness that is there with its duration; where
// there is none it takes a person to say how long.
func stickForward(f *aws.Forward) *rule.Change {
	if !f.Sticky.Written() || f.Body.Doc.File.Format != tree.HCL {
		return nil
	}
	return Set(f.Sticky, f.Body, "true")
}

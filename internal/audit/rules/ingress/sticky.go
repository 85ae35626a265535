package ingress

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func checkALBSticky(p *rule.Pass) {
	for _, t := range p.Kube.ALBTargets() {
		s := workload.InMemory(p, t.Workloads)
		if s == nil || !t.Sticky.Known() || t.Sticky.V {
			continue
		}
		f := rule.Finding{
			Node: t.Attributes, Service: s,
			Message: fmt.Sprintf("%s keeps its sessions in memory (%s), and the load balancer sends each request to any pod", s, s.Sessions.Source),
		}
		if f.Node == nil {
			f.Node = t.Ingress.NameNode()
		}
		duration := rule.WholeSeconds(stickyFor(s))
		f.Fix = rule.Ask("keep users with a pod", rule.Choice{
			Title: "make the target group sticky for " + duration + " s",
			Edits: albAttributes(t, [2]string{"stickiness.enabled", "true"}, [2]string{"stickiness.lb_cookie.duration_seconds", duration}),
		})
		p.Report(f)
	}
}

// stickyFor is how long a user must be kept: the session's longest life, or its
// idle timeout, or a day, which is the load balancer's own default.
func stickyFor(s *model.Service) time.Duration {
	const most = 7 * 24 * time.Hour // the load balancer's limit
	for _, v := range []value.Value[time.Duration]{s.Sessions.Longest, s.Sessions.Timeout} {
		if v.Known() && v.V >= time.Second {
			return min(v.V, most)
		}
	}
	return 24 * time.Hour
}

var (
	forwardConfig = regexp.MustCompile(`(?i)"forwardConfig"\s*:\s*\{`)
	stickyOff     = regexp.MustCompile(`(?i)("targetGroupStickinessConfig"\s*:\s*\{[^{}]*"enabled"\s*:\s*)false`)
)

func checkALBForward(p *rule.Pass) {
	sticky := map[*kube.Ingress]*model.Service{}
	for _, t := range p.Kube.ALBTargets() {
		if s := about(p, t.Workloads); s != nil && sticky[t.Ingress] == nil && (t.Sticky.V || workload.InMemory(p, t.Workloads) != nil) {
			sticky[t.Ingress] = s
		}
	}
	for _, i := range p.Kube.Ingresses {
		s := sticky[i]
		if s == nil && !i.StickyTargets() || i.Router != route.AWSController {
			continue
		}
		for _, f := range i.Forwards() {
			if f.Sticky || f.Shared() < 2 {
				continue
			}
			p.Report(rule.Finding{
				Node: f.Node, Service: s, Subject: i.String(),
				Message: fmt.Sprintf("%s draws one of %d target groups for each request, whatever target a user is kept with", i, f.Shared()),
				Fix:     rule.Mend("make the choice of the target group sticky", stickyForward(f.Node, s)),
			})
		}
	}
}

// stickyForward writes targetGroupStickinessConfig into the JSON of an action,
// or turns it on.
func stickyForward(n *tree.Node, s *model.Service) []edit.Edit {
	if on := stickyOff.ReplaceAllString(n.Value, "${1}true"); on != n.Value {
		return edit.Set(n, on)
	}
	at := forwardConfig.FindStringIndex(n.Value)
	if at == nil || strings.Contains(strings.ToLower(n.Value), "targetgroupstickinessconfig") {
		return nil
	}
	duration := 24 * time.Hour
	if s != nil {
		duration = stickyFor(s)
	}
	config := fmt.Sprintf(`"targetGroupStickinessConfig":{"enabled":true,"durationSeconds":%s},`, rule.WholeSeconds(duration))
	return edit.Set(n, n.Value[:at[1]]+config+n.Value[at[1]:])
}

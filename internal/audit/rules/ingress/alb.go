package ingress

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

const albDocument = "AWS Load Balancer Controller documentation: "

// albRules are the rules of what the AWS Load Balancer Controller reads.
var albRules = []*rule.Rule{
	{
		ID: "EK-K8S-029", Severity: rule.Error, Autofix: rule.Safe, Surface: "Namespace with target groups of pods",
		Title: "The namespace does not ask for pod readiness gates",
		Why: "Without the gate a new pod counts as ready before the load balancer has found it healthy. " +
			"A rollout can remove the last old pod while all new targets are still initial, and users get 502 and 503.",
		Fix:     "Label the namespace elbv2.k8s.aws/pod-readiness-gate-inject: enabled.",
		Sources: []string{albDocument + "pod readiness gate"},
		Check:   checkReadinessGate,
	},
	{
		ID: "EK-K8S-030", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Ingress or Service of the AWS Load Balancer Controller",
		Title: "target-type instance for a service with sessions",
		Why: "The load balancer knows nodes, not pods. It does not see that a pod leaves, and its stickiness keeps a user with a node, " +
			"from where kube-proxy goes to any pod.",
		Fix:     "Set target-type: ip.",
		Sources: []string{albDocument + "target type"},
		Check:   checkTargetType,
	},
	{
		ID: "EK-K8S-031", Severity: rule.Error, Autofix: rule.Safe, Surface: "Ingress of the AWS Load Balancer Controller",
		Title: "deregistration_delay is shorter than the longest request",
		Why: "When the delay is over the load balancer closes the connections to the pod that leaves. " +
			"Requests that are still running there end with an error.",
		Fix:     "Set deregistration_delay.timeout_seconds to the longest request or stream and a margin.",
		Sources: []string{"Elastic Load Balancing documentation: target group attributes, deregistration delay"},
		Check:   checkALBDelay,
	},
	{
		ID: "EK-K8S-032", Severity: rule.Error, Autofix: rule.Safe, Surface: "Ingress of the AWS Load Balancer Controller and its pods",
		Title: "The grace period ends before the load balancer has let go",
		Why: "The controller needs seconds to tell the load balancer that a pod leaves, and the load balancer goes on sending meanwhile. " +
			"A pod that is killed before has requests in it: users get 502.",
		Fix:     "Set terminationGracePeriodSeconds to the propagation and what must finish after it, with a preStop hook of 15 to 20 s.",
		Sources: []string{"aws-load-balancer-controller issues 1064, 2366, 3270", "Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, killContainer"},
		Check:   checkALBGrace,
	},
	{
		ID: "EK-K8S-033", Severity: rule.Error, Autofix: rule.Guided, Surface: "Ingress of the AWS Load Balancer Controller",
		Title: "Sessions are in memory, but the target group is not sticky",
		Why: "The load balancer sends each request to any pod, and a session in the memory of one is unknown to the others. " +
			"Users are signed out and in again as they click.",
		Fix:     "Keep the sessions outside; or set stickiness.enabled=true with a duration of the session timeout or more.",
		Sources: []string{"Elastic Load Balancing documentation: sticky sessions"},
		Check:   checkALBSticky,
	},
	{
		ID: "EK-K8S-034", Severity: rule.Error, Autofix: rule.Safe, Surface: "Ingress of the AWS Load Balancer Controller",
		Title: "A weighted forward without stickiness of the target groups",
		Why: "Which target group gets a request is drawn each time. A user who is kept with a target of one group is sent to the other all the same, " +
			"and every change of the weights moves live sessions.",
		Fix:     "Add targetGroupStickinessConfig with enabled true and a duration of the session timeout or more.",
		Sources: []string{"Elastic Load Balancing documentation: sticky sessions, target group level"},
		Check:   checkALBForward,
	},
}

const gateSuffix = "/pod-readiness-gate-inject"

func checkReadinessGate(p *rule.Pass) {
	ip := podTargets(p)
	for _, o := range p.Kube.Objects {
		if o.Kind != "Namespace" || o.Group != "" || ip[o.Name] == nil || gated(o) {
			continue
		}
		const label = "elbv2.k8s.aws" + gateSuffix
		f := rule.Finding{
			Node: o.Root.Get("metadata", "labels"), Subject: o.String(), Service: ip[o.Name],
			Message: fmt.Sprintf("pods of %s count as ready before the load balancer sends to them", ip[o.Name]),
		}
		if !f.Node.Exists() {
			f.Node = o.NameNode()
		}
		f.Fix = rule.Mend("label the namespace", rule.Put(o.Root.Get("metadata"), "enabled", "labels", label))
		p.Report(f)
	}
}

func gated(namespace *kube.Object) bool {
	for label, v := range namespace.Labels {
		if strings.HasSuffix(label, gateSuffix) && v == "enabled" {
			return true
		}
	}
	return false
}

// podTargets are namespaces with a workload whose pods are targets by their
// addresses, and have no gate of their own.
func podTargets(p *rule.Pass) map[string]*model.Service {
	found := map[string]*model.Service{}
	add := func(all []*kube.Workload) {
		for _, w := range all {
			own := false
			for _, g := range w.Pod.Get("readinessGates").List() {
				own = own || strings.HasPrefix(g.Get("conditionType").Text(), "target-health.")
			}
			if !own && found[w.Namespace] == nil {
				found[w.Namespace] = p.Of(w)
			}
		}
	}
	for _, t := range p.Kube.ALBTargets() {
		if t.Type.V == "ip" {
			add(t.Workloads)
		}
	}
	bound := p.Kube.BoundPods()
	for _, s := range p.Kube.Services {
		if s.NLBTargets().V == "ip" || bound[s.Namespace+"/"+s.Name] {
			add(s.Workloads)
		}
	}
	return found
}

func checkTargetType(p *rule.Pass) {
	report := func(n *tree.Node, s *model.Service) {
		p.Report(rule.Finding{
			Node: n, Service: s,
			Message: fmt.Sprintf("the load balancer's targets are nodes: it does not see pods of %s leave, and cannot keep users with one", s),
			Fix:     rule.Ask("make the pods the targets", rule.Choice{Title: "set the target type to ip", Edits: edit.Set(n, "ip")}),
		})
	}
	said := map[*tree.Node]bool{}
	for _, t := range p.Kube.ALBTargets() {
		s := about(p, t.Workloads)
		if s == nil || !t.Type.Written() || t.Type.V != "instance" || said[t.Type.Node] || s.Sessions.Home != session.Memory && !t.Sticky.V {
			continue
		}
		said[t.Type.Node] = true
		report(t.Type.Node, s)
	}
	for _, k := range p.Kube.Services {
		if s, t := about(p, k.Workloads), k.NLBTargets(); s != nil && t.Written() && t.V == "instance" && s.Sessions.Home == session.Memory {
			report(t.Node, s)
		}
	}
}

const delayName = "deregistration_delay.timeout_seconds"

func checkALBDelay(p *rule.Pass) {
	for _, t := range p.Kube.ALBTargets() {
		s := about(p, t.Workloads)
		if s == nil || !t.Delay.Known() {
			continue
		}
		needs := s.Needs
		needs.Flush.D = 0
		busy := needs.Drain()
		if t.Delay.V >= busy || !t.Delay.Written() && !needs.Requests.Stated && !needs.Streams.Stated {
			continue
		}
		want := rule.WholeSeconds(busy + policy.Margin(busy))
		p.Report(rule.Finding{
			Node: t.Delay.At(t.Ingress.NameNode()), Service: s,
			Message:    fmt.Sprintf("the load balancer cuts what runs on a pod of %s after %s", s, value.Seconds(t.Delay.V)),
			Arithmetic: fmt.Sprintf("%s < %s", t.Delay, needs),
			Fix:        rule.Mend("set "+delayName+" to "+want, albAttributes(t, [2]string{delayName, want})),
		})
	}
}

// albAttributes puts attributes of a target group in place.
func albAttributes(t kube.ALBTargets, more ...[2]string) []edit.Edit {
	if t.Attributes.Exists() {
		return edit.Set(t.Attributes, kube.WithAttributes(t.Attributes.Value, more...))
	}
	return annotate(t.Ingress.Object, kube.ALBPrefix+"target-group-attributes", kube.WithAttributes("", more...))
}

func checkALBGrace(p *rule.Pass) {
	said := map[*model.Service]bool{}
	for _, t := range p.Kube.ALBTargets() {
		if t.Type.V != "ip" {
			continue // of nodes as targets the balancer does not learn that a pod leaves
		}
		for _, w := range t.Workloads {
			if s := p.Of(w); !said[s] && albGrace(p, t, s) {
				said[s] = true
			}
		}
	}
}

// albGrace compares the grace period with the propagation and what the load
// balancer lets finish after it.
func albGrace(p *rule.Pass, t kube.ALBTargets, s *model.Service) bool {
	if !s.Grace.Known() || !t.Delay.Known() || s.PreStop.State == value.Unknown {
		return false
	}
	lag := route.Windows[route.AWSController]
	if s.Needs.Withdraw.Stated {
		lag = s.Needs.Withdraw.D
	}
	needs := s.Needs
	needs.Flush.D = 0
	sum := lag + min(t.Delay.V, needs.Drain())
	if s.PreStop.V+s.Needs.Drain() >= sum {
		return false // EK-K8S-001 asks for no less
	}
	margin := policy.Margin(sum)
	severity := rule.Error
	switch {
	case sum+margin <= s.Grace.V, sum <= s.Grace.V && !needs.Requests.Stated && !needs.Streams.Stated:
		return false
	case sum <= s.Grace.V:
		severity = rule.Warn
	}
	finish := needs.String()
	if t.Delay.V < needs.Drain() {
		finish = t.Delay.String()
	}
	want := max(sum+margin, workload.GraceFor(s, s.PreStop.V))
	p.Report(rule.Finding{
		Node: s.Grace.At(s.Node), Service: s, Severity: severity,
		Message: fmt.Sprintf("the pod is killed after %s, while the load balancer may still have requests on it", value.Seconds(s.Grace.V)),
		Arithmetic: fmt.Sprintf("propagation %s (%s) + %s + margin %s = %s > %s", value.Seconds(lag), route.AWSController, finish,
			value.Seconds(margin), value.Seconds(sum+margin), s.Grace),
		Fix: rule.Mend("set terminationGracePeriodSeconds to "+rule.WholeSeconds(want), workload.SetGrace(s.Workload, want)),
	})
	return true
}

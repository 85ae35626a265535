// Package budget has the rules that compare several layers with one another: the
// whole way out of a service. Rules do no I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package budget

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/ecs"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Rules are the rules of times and sessions that several layers share.
var Rules = []*rule.Rule{
	{
		ID: "EK-BUD-001", Severity: rule.Error, Autofix: rule.Guided, Surface: "Ingress and program",
		Title: "an outer layer gives up before an inner one",
		Why: "The proxy answers 504 while the program still works on the request. The user tries again, and the work is done twice; while an instance " +
			"drains, it waits for answers that nobody reads.",
		Fix:     "Make the timeouts fall from the outside in: client > balancer > proxy > program.",
		Sources: []string{"ingress-nginx: proxy-read-timeout 60 s", "Spring Cloud Gateway: httpclient.response-timeout"},
		Check:   checkLadder,
	},
	{
		ID: "EK-BUD-002", Severity: rule.Error, Autofix: rule.Guided, Surface: "policy and pods",
		Title:    "leaving takes longer than a Spot node's notice",
		Why:      "The machine is gone two minutes after the notice, whatever the grace period says: the last stage, which writes sessions, is always the one that is cut.",
		Fix:      "Lower requests, streams or flush so that the sum stays below 120 s, or keep this service off Spot.",
		Sources:  []string{"Amazon EC2: Spot interruption notice, two minutes"},
		YieldsTo: []string{"EK-K8S-016"},
		Check:    checkSpot,
	},
	{
		ID: "EK-BUD-003", Severity: rule.Warn, Autofix: rule.No, Surface: "sessions and routing",
		Title:    "where sessions are kept and how users are routed do not fit",
		Why:      "Sessions in memory without affinity: every request may meet an instance that does not know the user. Affinity although sessions are outside: it balances worse, and saves nothing but a cache.",
		Fix:      "Keep sessions outside, or keep users with an instance; state session.store in evenkeel.yaml.",
		Sources:  []string{"Kubernetes: sessionAffinity None is the default"},
		YieldsTo: []string{"EK-ING-001", "EK-K8S-033", "EK-GW-001", "EK-ALB-001"},
		Check:    checkHome,
	},
	{
		ID: "EK-BUD-005", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Kubernetes Deployment",
		Title: "a pod may take longer to start than the rollout waits",
		Why: "The rollout counts as failed while the new pods are still starting as they may. Tools that then roll back drain every instance a second " +
			"time, and its users with it.",
		Fix:     "Set progressDeadlineSeconds above what the startup probe allows + minReadySeconds.",
		Sources: []string{"Kubernetes API: progressDeadlineSeconds 600, counted from the last progress; startupProbe periodSeconds 10, failureThreshold 3"},
		Check:   checkProgress,
	},
}

// rung is a timeout of one layer.
type rung struct {
	text string
	d    time.Duration
	node *tree.Node
}

func checkLadder(p *rule.Pass) {
	def, sure := nginxReadTimeout(p)
	for _, s := range p.Services {
		if s.Workload == nil {
			continue
		}
		inner := innermost(s)
		for _, i := range s.Workload.Ingresses {
			outer := value.InSeconds(i.Nginx("proxy-read-timeout"), def)
			if i.Router != route.IngressNginx || i.Canary() || !outer.Known() || outer.V <= 0 || inner.d <= outer.V {
				continue
			}
			f := rule.Finding{Node: outer.At(i.NameNode()), Service: s,
				Message:    fmt.Sprintf("the proxy in front of %s gives up after %s, what is behind it only after %s", s, value.Seconds(outer.V), value.Seconds(inner.d)),
				Arithmetic: fmt.Sprintf("%s < %s", outer, inner.text)}
			if !outer.Written() && !sure {
				f.Severity = rule.Warn // the controller's own configuration may say another
			}
			p.Report(f)
			break
		}
	}
}

// nginxReadTimeout is ingress-nginx's proxy-read-timeout where an Ingress has
// none: what the ConfigMap of the only controller says. sure is false if there
// is no such ConfigMap among the files.
func nginxReadTimeout(p *rule.Pass) (def value.Value[time.Duration], sure bool) {
	def = value.Of("proxy-read-timeout", time.Minute)
	all := p.Kube.NginxControllers()
	if len(all) != 1 || all[0].Config == nil {
		return def, false
	}
	return value.InSeconds(all[0].Config.Root.Get("data", "proxy-read-timeout"), def), true
}

// innermost is the longest time that somebody says the program may take for an
// answer; zero if nobody does.
func innermost(s *model.Service) rung {
	var r rung
	if s.Needs.Requests.Stated {
		r = rung{"requests " + s.Needs.Requests.String(), s.Needs.Requests.D, s.Needs.Requests.Node}
	}
	if s.App == nil {
		return r
	}
	for _, c := range s.App.Configs {
		for _, name := range []string{"spring.cloud.gateway.httpclient.response-timeout", "spring.cloud.gateway.server.webflux.httpclient.response-timeout"} {
			if v := c.Duration(name, time.Millisecond, value.Value[time.Duration]{}); v.Written() && v.V > r.d {
				r = rung{v.String(), v.V, v.Node}
			}
		}
	}
	return r
}

func checkSpot(p *rule.Pass) {
	for _, s := range p.Services {
		if !p.Policy.Spot || s.Workload == nil || !s.Workload.Web() || s.Stated == nil || s.PreStop.State == value.Unknown {
			continue
		}
		sum, text := workload.Leaving(s, s.PreStop.V)
		if stated := s.Needs.Requests.Stated || s.Needs.Streams.Stated || s.PreStop.Written(); !stated || sum <= ecs.SpotNotice {
			continue
		}
		p.Report(rule.Finding{Node: s.Grace.At(s.Node), Service: s,
			Message:    fmt.Sprintf("%s needs %s to leave, a Spot node gives %s", s, value.Seconds(sum), value.Seconds(ecs.SpotNotice)),
			Arithmetic: fmt.Sprintf("%s = %s > Spot notice %s", text, value.Seconds(sum), value.Seconds(ecs.SpotNotice))})
	}
}

func checkHome(p *rule.Pass) {
	for s, w := range workload.Web(p) {
		switch s.Sessions.Home {
		case session.Memory:
			checkUnbound(p, s, w)
		case session.External:
			checkBound(p, s, w)
		case session.HomeUnknown:
		}
	}
}

// checkUnbound looks at Services that users reach by themselves; Ingresses and
// routes have rules of their own.
func checkUnbound(p *rule.Pass, s *model.Service, w *kube.Workload) {
	if workload.InMemory(p, []*kube.Workload{w}) == nil || len(w.Ingresses)+len(w.Routes) > 0 {
		return
	}
	for _, k := range w.Services {
		affinity := value.Text(k.Spec().Get("sessionAffinity"), value.Of("sessionAffinity", "None"))
		if k.Headless || k.Type != "LoadBalancer" || affinity.V != "None" || !affinity.Known() || k.Annotations != nil {
			continue
		}
		p.Report(rule.Finding{Node: affinity.At(k.NameNode()), Service: s, Severity: rule.Error,
			Message: fmt.Sprintf("%s keeps its sessions in memory (%s), and %s sends each connection to any pod", s, s.Sessions.Source, k)})
		return
	}
}

// checkBound tells of affinity that is not needed, and that no policy asks for.
func checkBound(p *rule.Pass, s *model.Service, w *kube.Workload) {
	if s.Stated != nil && s.Stated.Affinity.Mode != "" && s.Stated.Affinity.Mode != "none" {
		return
	}
	var at *tree.Node
	for _, i := range w.Ingresses {
		if i.Sticky() {
			at = i.Nginx("affinity")
		} else if i.StickyTargets() {
			at = i.Annotation(kube.ALBPrefix + "target-group-attributes")
		}
	}
	for _, k := range w.Services {
		if n := k.Spec().Get("sessionAffinity"); at == nil && n.Text() == "ClientIP" {
			at = n
		}
	}
	if at != nil {
		p.Report(rule.Finding{Node: at, Service: s, Severity: rule.Info,
			Message: fmt.Sprintf("%s keeps its sessions outside (%s): affinity is a hint, not a need", s, s.Sessions.Source)})
	}
}

func checkProgress(p *rule.Pass) {
	for s, w := range workload.All(p) {
		if w.Kind != "Deployment" {
			continue
		}
		deadline := value.InSeconds(w.Spec().Get("progressDeadlineSeconds"), value.Of("progressDeadlineSeconds", 600*time.Second))
		ready := value.InSeconds(w.Spec().Get("minReadySeconds"), value.Of("minReadySeconds", time.Duration(0)))
		start, node := startup(w)
		if !deadline.Known() || !ready.Known() || node == nil || start+ready.V <= deadline.V {
			continue
		}
		p.Report(rule.Finding{Node: deadline.At(node), Service: s,
			Message:    fmt.Sprintf("a pod of %s may take %s to start, the rollout has failed after %s without one", s, value.Seconds(start+ready.V), value.Seconds(deadline.V)),
			Arithmetic: fmt.Sprintf("startup probe %s + %s = %s > %s", value.Seconds(start), ready, value.Seconds(start+ready.V), deadline),
			Fix:        rule.Mend("set progressDeadlineSeconds to "+rule.WholeSeconds(start+ready.V+time.Minute), rule.Put(w.Spec(), rule.WholeSeconds(start+ready.V+time.Minute), "progressDeadlineSeconds"))})
	}
}

// startup is the longest that a startup probe of w allows, and the probe; nil
// if there is none that is decided.
func startup(w *kube.Workload) (longest time.Duration, at *tree.Node) {
	for _, c := range w.Containers {
		n := c.Node.Get("startupProbe")
		if !n.Exists() {
			continue
		}
		initial := value.InSeconds(n.Get("initialDelaySeconds"), value.Of("", time.Duration(0)))
		period := value.InSeconds(n.Get("periodSeconds"), value.Of("", 10*time.Second))
		failures := value.Int(n.Get("failureThreshold"), value.Of("", 3))
		if !initial.Known() || !period.Known() || !failures.Known() || failures.V > 1e6 {
			return 0, nil
		}
		if d := initial.V + period.V*time.Duration(failures.V); d > longest {
			longest, at = d, n
		}
	}
	return longest, at
}

package workload

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// routingRules are the rules of what sends requests to pods: readiness and
// Services.
var routingRules = slices.Concat(probeRules, []*rule.Rule{
	{
		ID: "EK-K8S-022", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes Service",
		Title: "publishNotReadyAddresses on a Service that users' requests take",
		Why: "Every pod counts as ready, also one that is just being stopped or has not started yet: " +
			"routers go on sending new users to pods that are leaving, and no preStop hook helps.",
		Fix:     "Set it to false. Pods that must find one another before they are ready get a headless Service of their own.",
		Sources: []string{"Kubernetes 1.36: EndpointSlice controller, podToEndpoint", "Measured against Kubernetes 1.36.3: such an endpoint is ready and terminating"},
		Check:   checkNotReady,
	},
	{
		ID: "EK-K8S-023", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Kubernetes Service",
		Title:    "ClientIP affinity ends before the session does",
		Why:      "After that time without a new connection kube-proxy sends the user's next one to any pod, and a session that another pod holds in memory is lost.",
		Fix:      "Set sessionAffinityConfig.clientIP.timeoutSeconds to the session timeout at least (86,400 at most).",
		Sources:  []string{"Kubernetes API: ClientIPConfig.timeoutSeconds, 10800 if nothing is written, at most 86400"},
		YieldsTo: []string{"EK-K8S-024"},
		Check:    checkClientTimeout,
	},
	{
		ID: "EK-K8S-024", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Kubernetes Service",
		Title: "ClientIP affinity where the client's address does not arrive",
		Why: "Ingress controllers and Gateways pick endpoints themselves and never ask the Service; behind a balancer with externalTrafficPolicy: Cluster the address is the node's. " +
			"Users are moved between pods although the manifest promises that they are not, or many share one pod.",
		Fix:     "Keep users together with a cookie at the Ingress, the route or the balancer, and remove sessionAffinity.",
		Sources: []string{"Kubernetes documentation: Service, session affinity; source IP for Services with type LoadBalancer", "ingress-nginx: uses endpoints, not Services"},
		Check:   checkClientAddress,
	},
	{
		ID: "EK-K8S-025", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Kubernetes Service",
		Title: "externalTrafficPolicy: Local and a hook shorter than the balancer's health check",
		Why: "With Local the balancer sends to nodes, and finds out by its health check that the last pod of a node is leaving. " +
			"Until then users' new connections go to a node where nothing serves.",
		Fix:      "Make preStop health-check interval x unhealthy threshold + the routers' time (10 s x 3 + 5 s = 35 s on AWS).",
		Sources:  []string{"Kubernetes 1.36: pkg/proxy/healthcheck, healthCheckNodePort", "AWS Load Balancer Controller, Service annotations: healthcheck-interval 10, unhealthy-threshold 3"},
		YieldsTo: []string{"EK-K8S-002", "EK-K8S-003", "EK-K8S-004"},
		Check:    checkLocalBalancer,
	},
})

// aboutService is a Service's finding: the way out of its first workload is drawn.
func aboutService(p *rule.Pass, k *kube.Service, f rule.Finding) rule.Finding {
	f.Subject = k.String()
	if len(k.Workloads) > 0 {
		f.Service = p.Of(k.Workloads[0])
	}
	return f
}

func checkNotReady(p *rule.Pass) {
	for _, k := range p.Kube.Services {
		n := k.Spec().Get("publishNotReadyAddresses")
		if n.Text() != "true" || !k.Routed() {
			continue
		}
		p.Report(aboutService(p, k, rule.Finding{
			Node: n, Message: "routers keep sending to pods of this Service until they are gone",
			Fix: rule.Mend("set publishNotReadyAddresses to false", edit.Set(n, "false")),
		}))
	}
}

// maxClientTimeout is the longest ClientIP affinity that the API takes.
const maxClientTimeout = 86400 * time.Second

func checkClientTimeout(p *rule.Pass) {
	for _, k := range p.Kube.Services {
		if k.Spec().Get("sessionAffinity").Text() != "ClientIP" {
			continue
		}
		keeps := value.InSeconds(k.Spec().Get("sessionAffinityConfig", "clientIP", "timeoutSeconds"), value.Of("timeoutSeconds", 10800*time.Second))
		s := mayHold(p, k.Workloads)
		if s == nil || !keeps.Known() || !s.Sessions.Timeout.Known() || s.Sessions.Timeout.V <= keeps.V {
			continue
		}
		f := rule.Finding{
			Node: keeps.At(k.Spec().Get("sessionAffinity")), Message: "affinity ends while the session lives",
			Arithmetic: fmt.Sprintf("%s < %s", keeps, s.Sessions.Timeout),
		}
		if s.Sessions.Timeout.V <= maxClientTimeout {
			seconds := rule.WholeSeconds(s.Sessions.Timeout.V)
			f.Fix = rule.Mend("set timeoutSeconds to "+seconds, rule.Put(k.Spec(), seconds, "sessionAffinityConfig", "clientIP", "timeoutSeconds"))
		}
		p.Report(aboutService(p, k, f))
	}
}

// mayHold is the first of all that may hold sessions in its process; nil if
// none does.
func mayHold(p *rule.Pass, all []*kube.Workload) *model.Service {
	for _, w := range all {
		if w.MayServe() && p.Of(w).Sessions.Home != session.External {
			return p.Of(w)
		}
	}
	return nil
}

func checkClientAddress(p *rule.Pass) {
	for _, k := range p.Kube.Services {
		n := k.Spec().Get("sessionAffinity")
		policy := k.Spec().Get("externalTrafficPolicy")
		if n.Text() != "ClientIP" || len(k.Workloads) > 0 && mayHold(p, k.Workloads) == nil {
			continue
		}
		f := rule.Finding{Node: n}
		remove := rule.Choice{Title: "remove sessionAffinity, and use a cookie at the router", Edits: edit.Remove(n)}
		switch {
		case k.Fronted:
			f.Message = "an Ingress or a route picks this Service's endpoints itself: sessionAffinity does nothing there"
			f.Fix = rule.Ask("what shall keep users together?", remove)
		case k.Type == "LoadBalancer" && (policy == nil || policy.Text() == "Cluster"):
			f.Message = "behind the balancer the client's address is a node's: sessionAffinity keeps nodes together, not users"
			f.Fix = rule.Ask("what shall keep users together?", remove,
				rule.Choice{Title: "set externalTrafficPolicy to Local", Edits: rule.Put(k.Spec(), "Local", "externalTrafficPolicy")})
		default:
			continue
		}
		p.Report(aboutService(p, k, f))
	}
}

// local is a balancer that learns by a health check of the nodes that a node
// has no pods.
type local struct {
	service   *kube.Service
	interval  value.Value[time.Duration]
	threshold value.Value[int]
}

// window is how long the balancer may go on sending to a node.
func (l local) window() time.Duration {
	return l.interval.V*time.Duration(l.threshold.V) + route.Windows[route.KubeProxy]
}

const awsPrefix = "service.beta.kubernetes.io/aws-load-balancer-"

// localBalancer is the balancer of AWS that sends to w's nodes; false if there
// is none, or it sends to pods, or its health check is not known. Those of other
// clouds have other health checks.
func localBalancer(w *kube.Workload) (l local, ok bool) {
	for _, k := range w.Services {
		note := func(name string) *tree.Node { return k.Annotation(awsPrefix + name) }
		l = local{k, value.InSeconds(note("healthcheck-interval"), value.Of("health-check interval", 10*time.Second)),
			value.Int(note("healthcheck-unhealthy-threshold"), value.Of("unhealthy threshold", 3))}
		kind := note("type").Text()
		aws := kind == "external" || kind == "nlb" || strings.HasPrefix(k.Spec().Get("loadBalancerClass").Text(), "service.k8s.aws/")
		if k.Type == "LoadBalancer" && aws && k.Spec().Get("externalTrafficPolicy").Text() == "Local" && note("nlb-target-type").Text() != "ip" &&
			l.interval.Known() && l.threshold.Known() {
			return l, true
		}
	}
	return l, false
}

func checkLocalBalancer(p *rule.Pass) {
	for s, w := range Web(p) {
		l, ok := localBalancer(w)
		if !ok || s.Needs.LameDuck {
			continue
		}
		for _, c := range w.Serving() {
			if !c.Sleep.Written() || c.Sleep.V >= l.window() {
				continue
			}
			p.Report(rule.Finding{
				Node: c.Sleep.At(s.Node), Service: s,
				Message: fmt.Sprintf("the balancer of %s may send to the node for %s", l.service, value.Seconds(l.window())),
				Arithmetic: fmt.Sprintf("%s < %s x %s + kube-proxy %s = %s", c.Sleep, l.interval, l.threshold,
					value.Seconds(route.Windows[route.KubeProxy]), value.Seconds(l.window())),
				Fix: changeWithGrace("let the hook sleep "+value.Seconds(rule.UpToSecond(l.window())), s, w, l.window(), resleep(c.Sleep, l.window())),
			})
			break
		}
	}
}

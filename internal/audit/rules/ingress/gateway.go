package ingress

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// gatewayRules are the rules of the Gateway API's HTTPRoutes.
var gatewayRules = []*rule.Rule{
	{
		ID: "EK-GW-001", Severity: rule.Error, Autofix: rule.Guided, Surface: "HTTPRoute",
		Title: "Sessions are in memory, but the route has no session persistence",
		Why: "A Gateway sends each request to any pod. A session that is in the memory of one is unknown to the others: " +
			"users are signed out and in again as they click.",
		Fix:     "Keep the sessions outside; or give the rule sessionPersistence, which is in the experimental channel.",
		Sources: []string{"Gateway API 1.6: HTTPRouteRule, SessionPersistence"},
		Check:   checkRoutePersistence,
	},
	{
		ID: "EK-GW-002", Severity: rule.Error, Autofix: rule.Safe, Surface: "HTTPRoute",
		Title: "The persistence cookie's absoluteTimeout is missing or too short",
		Why: "With lifetimeType Permanent the API refuses a rule without absoluteTimeout. " +
			"With a timeout shorter than the session's the user is sent to another pod in the middle of a session, and it is lost with the pod's memory.",
		Fix:     "Set absoluteTimeout to the longest life of a session or more.",
		Sources: []string{"Gateway API 1.6: SessionPersistence, CookieConfig"},
		Check:   checkRouteTimeout,
	},
	{
		ID: "EK-GW-003", Severity: rule.Warn, Autofix: rule.Safe, Surface: "HTTPRoute",
		Title: "Two rules of one host have the same persistence cookie",
		Why: "Each rule writes its own pod into the cookie. A user who goes from one path to the other loses the place at the first, " +
			"and with it a session in its memory.",
		Fix:     "Give each rule a cookie of its own.",
		Sources: []string{"Gateway API 1.6: SessionPersistence, cookie name"},
		Check:   checkRouteCookies,
	},
	{
		ID: "EK-GW-004", Severity: rule.Warn, Autofix: rule.No, Surface: "HTTPRoute",
		Title: "An experimental field with the standard channel of the Gateway API",
		Why: "The definitions of the standard channel do not have sessionPersistence and retry. " +
			"The API server drops the fields without an error, and users are not kept with a pod.",
		Fix:     "Install the definitions of the experimental channel.",
		Sources: []string{"Gateway API 1.6: release channels"},
		Check:   checkRouteChannel,
	},
}

// persistence is sessionPersistence of a rule as far as rules need it; older
// drafts had the names beside it.
type persistence struct {
	node           *tree.Node
	name           value.Value[string]
	lifetime       value.Value[string]
	absolute, idle value.Value[time.Duration]
}

func persistenceOf(n *tree.Node) (p persistence, ok bool) {
	n = n.Get("sessionPersistence")
	if !n.Exists() {
		return p, false
	}
	p.node = n
	p.name = value.Text(n.Get("cookie", "name"), value.Text(n.Get("sessionName"), value.Value[string]{Name: "sessionName"}))
	if p.name.Node == nil || p.name.Node.Key == "name" {
		p.name.Name = "cookie.name"
	}
	p.lifetime = value.Text(n.Get("cookie", "lifetimeType"), value.Text(n.Get("cookieConfig", "lifetimeType"), value.Of("lifetimeType", "Session")))
	p.absolute = kube.GatewayTime(n.Get("absoluteTimeout"), value.Value[time.Duration]{Name: "absoluteTimeout"})
	p.idle = kube.GatewayTime(n.Get("idleTimeout"), value.Value[time.Duration]{Name: "idleTimeout"})
	return p, true
}

// header reports whether the session is kept by a header.
func (p persistence) header() bool { return p.node.Get("type").Text() == "Header" }

func routeRules(p *rule.Pass, see func(*kube.HTTPRoute, kube.RouteRule)) {
	for _, r := range p.Kube.Routes {
		for _, to := range r.Rules {
			see(r, to)
		}
	}
}

func checkRoutePersistence(p *rule.Pass) {
	policies := affinityPolicies(p)
	routeRules(p, func(r *kube.HTTPRoute, to kube.RouteRule) {
		s := workload.InMemory(p, to.Workloads)
		if _, ok := persistenceOf(to.Node); ok || s == nil || policies.cover(r, to) {
			return
		}
		p.Report(rule.Finding{
			Node: to.Node, Service: s,
			Message: fmt.Sprintf("%s keeps its sessions in memory (%s), and %s sends each request to any pod", s, s.Sessions.Source, r),
			Fix: rule.Ask("keep users with a pod", rule.Choice{
				Title: "add sessionPersistence with a cookie", Edits: edit.Insert(to.Node, rule.Under("Cookie", "sessionPersistence", "type")),
			}),
		})
	})
}

// affinities are names of Services and routes that a policy beside the route
// keeps users with.
type affinities map[string]bool

// affinityPolicies reads the policies of implementations: what they hash or
// persist by is their own affair.
func affinityPolicies(p *rule.Pass) affinities {
	names := affinities{}
	for _, o := range p.Kube.Objects {
		switch o.Kind {
		case "BackendLBPolicy", "XBackendTrafficPolicy", "BackendTrafficPolicy", "GCPBackendPolicy", "UpstreamSettingsPolicy":
			refs := append(o.Spec().Get("targetRefs").List(), o.Spec().Get("targetRef"))
			for _, ref := range refs {
				names[o.Namespace+"/"+ref.Get("name").Text()] = true
			}
		case "DestinationRule":
			host, _, _ := strings.Cut(o.Spec().Get("host").Text(), ".")
			if o.Spec().Get("trafficPolicy", "loadBalancer", "consistentHash").Exists() {
				names[o.Namespace+"/"+host] = true
			}
		}
	}
	return names
}

func (a affinities) cover(r *kube.HTTPRoute, to kube.RouteRule) bool {
	return a[r.Namespace+"/"+r.Name] || slices.ContainsFunc(to.Backends, func(b string) bool { return a[r.Namespace+"/"+b] })
}

func checkRouteTimeout(p *rule.Pass) {
	routeRules(p, func(r *kube.HTTPRoute, to kube.RouteRule) {
		keep, ok := persistenceOf(to.Node)
		if !ok {
			return
		}
		s := about(p, to.Workloads)
		longest := longestSession(s)
		switch {
		case keep.absolute.State == value.Absent && keep.lifetime.V == "Permanent" && !keep.header():
			f := rule.Finding{Node: keep.lifetime.Node, Service: s, Subject: r.String(), Message: "a permanent cookie needs an absoluteTimeout, and the API refuses the rule without one"}
			if longest.Known() {
				f.Fix = rule.Mend("set absoluteTimeout", rule.Put(keep.node, kube.GatewayDuration(longest.V), "absoluteTimeout"))
			}
			p.Report(f)
		case keep.absolute.Written() && longest.Known() && keep.absolute.V < longest.V && s.Sessions.Home != session.External:
			p.Report(rule.Finding{
				Node: keep.absolute.Node, Service: s, Subject: r.String(),
				Message:    fmt.Sprintf("users of %s are sent to another pod before their session ends", s),
				Arithmetic: fmt.Sprintf("%s < %s", keep.absolute, longest),
				Fix:        rule.Mend("set absoluteTimeout", rule.Put(keep.node, kube.GatewayDuration(longest.V), "absoluteTimeout")),
			})
		case keep.idle.Written() && s != nil && s.Sessions.Timeout.Known() && keep.idle.V < s.Sessions.Timeout.V && s.Sessions.Home != session.External:
			p.Report(rule.Finding{
				Node: keep.idle.Node, Service: s, Subject: r.String(),
				Message:    fmt.Sprintf("users of %s who pause are sent to another pod before their session ends", s),
				Arithmetic: fmt.Sprintf("%s < %s", keep.idle, s.Sessions.Timeout),
				Fix:        rule.Mend("set idleTimeout", rule.Put(keep.node, kube.GatewayDuration(s.Sessions.Timeout.V), "idleTimeout")),
			})
		}
	})
}

// longestSession is how long a session may live, or else may be idle.
func longestSession(s *model.Service) (v value.Value[time.Duration]) {
	switch {
	case s == nil:
		return v
	case s.Sessions.Longest.Known() && s.Sessions.Longest.V > 0:
		return s.Sessions.Longest
	}
	return s.Sessions.Timeout
}

func checkRouteCookies(p *rule.Pass) {
	type cookie struct{ made, host, name string }
	type place struct {
		route *kube.HTTPRoute
		rule  kube.RouteRule
	}
	first := map[cookie]place{}
	times := map[cookie]int{}
	said := map[*tree.Node]bool{}
	routeRules(p, func(r *kube.HTTPRoute, to kube.RouteRule) {
		keep, ok := persistenceOf(to.Node)
		if !ok || keep.header() || !keep.name.Written() {
			return
		}
		for _, host := range r.At() {
			c := cookie{r.Root.Doc.File.Derived, host, keep.name.V}
			other, taken := first[c]
			if !taken {
				first[c] = place{r, to}
				continue
			}
			if other.route != r && other.route.Name == r.Name && other.route.Namespace == r.Namespace {
				continue // one route in two environments
			}
			if times[c]++; said[to.Node] {
				continue
			}
			said[to.Node] = true
			p.Report(rule.Finding{
				Node: keep.name.Node, Subject: r.String(), Service: about(p, to.Workloads),
				Message: fmt.Sprintf("the cookie %s is also that of the rule at %s", keep.name.V, other.rule.Node.Pos()),
				Fix:     rule.Mend("give it a name of its own", edit.Set(keep.name.Node, fmt.Sprintf("%s-%d", keep.name.V, times[c]+1))),
			})
		}
	})
}

// channelNote is what the project's own definitions say of their channel.
const channelNote = "gateway.networking.k8s.io/channel"

func checkRouteChannel(p *rule.Pass) {
	standard := slices.ContainsFunc(p.Kube.Objects, func(o *kube.Object) bool {
		return o.Kind == "CustomResourceDefinition" && o.Name == "httproutes.gateway.networking.k8s.io" && o.Annotation(channelNote).Text() == "standard"
	})
	if !standard {
		return
	}
	routeRules(p, func(r *kube.HTTPRoute, to kube.RouteRule) {
		for _, field := range []string{"sessionPersistence", "retry"} {
			if n := to.Node.Get(field); n.Exists() {
				p.Report(rule.Finding{
					Node: n, Subject: r.String(), Service: about(p, to.Workloads),
					Message: field + " is dropped: the definition of HTTPRoute that is installed is the standard channel's",
				})
			}
		}
	})
}

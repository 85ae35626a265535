package kube

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// NLBPrefix is that of the annotations of a Service that the AWS Load Balancer
// Controller makes an NLB of.
const NLBPrefix = "service.beta.kubernetes.io/aws-load-balancer-"

// Defaults of a target group: the Elastic Load Balancing API's.
const (
	targetDelay      = 300 * 1e9
	delayAttribute   = "deregistration_delay.timeout_seconds"
	stickyAttribute  = "stickiness.enabled"
	groupsAnnotation = ALBPrefix + "target-group-attributes"
)

// ALBTargets is the target group that the controller makes for one Service
// behind an Ingress.
type ALBTargets struct {
	Ingress   *Ingress
	Service   *Service
	Workloads []*Workload

	Type       value.Value[string]        // ip or instance; unknown if nothing is written: the controller's default is a flag
	Attributes *tree.Node                 // the annotation that counts, may be nil: the Service's own, or else the Ingress's
	Delay      value.Value[time.Duration] // deregistration_delay.timeout_seconds
	Sticky     value.Value[bool]          // stickiness.enabled
}

// ALBTargets are the target groups of all Ingresses of the AWS Load Balancer
// Controller, as far as their Services are among the files.
func (c *Cluster) ALBTargets() (all []ALBTargets) {
	for _, i := range c.Ingresses {
		if i.Router != route.AWSController {
			continue
		}
		for _, s := range i.Services {
			t := ALBTargets{Ingress: i, Service: s, Workloads: s.Workloads}
			t.Type = value.Text(i.ofService(s, ALBPrefix+"target-type"), value.Value[string]{State: value.Unknown, Name: "target-type"})
			t.Attributes = i.ofService(s, groupsAnnotation)
			t.Delay = attribute(t.Attributes, delayAttribute, value.Of(delayAttribute, time.Duration(targetDelay)), value.ParseSeconds)
			t.Sticky = attribute(t.Attributes, stickyAttribute, value.Of(stickyAttribute, false), boolean)
			all = append(all, t)
		}
	}
	return all
}

// Targets reports whether w's pods are known to be targets of i's load balancer
// by their addresses. Where its targets are nodes, kube-proxy chooses the pod.
func (i *Ingress) Targets(w *Workload) bool {
	return slices.ContainsFunc(i.Services, func(s *Service) bool {
		return slices.Contains(s.Workloads, w) && i.ofService(s, ALBPrefix+"target-type").Text() == "ip"
	})
}

// ofService is an annotation that the Service may have instead of the Ingress.
func (i *Ingress) ofService(s *Service, name string) *tree.Node {
	if n := s.Annotation(name); n.Exists() {
		return n
	}
	return i.Annotation(name)
}

// attribute reads one of an annotation's "name=value,name=value".
func attribute[T any](n *tree.Node, name string, def value.Value[T], parse func(string) (T, bool)) value.Value[T] {
	if !n.Exists() {
		return def
	}
	if n.Unknown {
		return value.Value[T]{State: value.Unknown, Node: n, Name: name}
	}
	for pair := range strings.SplitSeq(n.Value, ",") {
		k, text, _ := strings.Cut(pair, "=")
		if strings.TrimSpace(k) != name {
			continue
		}
		v, ok := parse(strings.TrimSpace(text))
		if !ok {
			return value.Value[T]{State: value.Unknown, Node: n, Name: name}
		}
		return value.Value[T]{V: v, State: value.Written, Node: n, Name: name}
	}
	return def
}

func boolean(s string) (bool, bool) { return s == "true", s == "true" || s == "false" }

// WithAttributes is the text of an annotation "name=value,name=value" with
// others, each a name and its value, put in place or added.
func WithAttributes(text string, more ...[2]string) string {
	var pairs []string
	for p := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(p) != "" {
			pairs = append(pairs, strings.TrimSpace(p))
		}
	}
	for _, m := range more {
		found := false
		for i, p := range pairs {
			if k, _, _ := strings.Cut(p, "="); strings.TrimSpace(k) == m[0] {
				pairs[i], found = m[0]+"="+m[1], true
			}
		}
		if !found {
			pairs = append(pairs, m[0]+"="+m[1])
		}
	}
	return strings.Join(pairs, ",")
}

// ALBForward is an annotation alb.ingress.kubernetes.io/actions.NAME that
// shares requests out to several target groups.
type ALBForward struct {
	Node     *tree.Node
	Weights  []int    // of the target groups
	Services []string // that target groups are made of
	Sticky   bool     // targetGroupStickinessConfig is on
}

// Forwards are the forwards of an Ingress that name target groups. An annotation that is not
// valid JSON is none.
func (i *Ingress) Forwards() (all []ALBForward) {
	for _, n := range i.Annotations.Fields() {
		if !strings.HasPrefix(n.Key, ALBPrefix+"actions.") {
			continue
		}
		var action struct {
			Type          string
			ForwardConfig struct {
				TargetGroups []struct {
					ServiceName string
					Weight      *int
				}
				TargetGroupStickinessConfig struct{ Enabled bool }
			}
		}
		if err := json.Unmarshal([]byte(n.Text()), &action); err != nil || action.Type != "forward" {
			continue
		}
		f := ALBForward{Node: n, Sticky: action.ForwardConfig.TargetGroupStickinessConfig.Enabled}
		for _, g := range action.ForwardConfig.TargetGroups {
			weight := 1
			if g.Weight != nil {
				weight = *g.Weight
			}
			f.Weights = append(f.Weights, weight)
			if g.ServiceName != "" {
				f.Services = append(f.Services, g.ServiceName)
			}
		}
		all = append(all, f)
	}
	return all
}

// Shared is how many target groups get a share of the requests.
func (f ALBForward) Shared() (n int) {
	for _, w := range f.Weights {
		if w > 0 {
			n++
		}
	}
	return n
}

// StickyTargets reports whether the Ingress itself makes its target groups
// sticky.
func (i *Ingress) StickyTargets() bool {
	return attribute(i.Annotation(groupsAnnotation), stickyAttribute, value.Value[bool]{}, boolean).V
}

// NLBTargets are the targets of the NLB that the controller makes of a Service:
// ip or instance; absent if it makes none or nothing is written.
func (s *Service) NLBTargets() value.Value[string] {
	none := value.Value[string]{Name: "aws-load-balancer-nlb-target-type"}
	if s.Type != "LoadBalancer" {
		return none
	}
	if s.Annotation(NLBPrefix+"type").Text() == "nlb-ip" {
		return value.Value[string]{V: "ip", State: value.Written, Node: s.Annotation(NLBPrefix + "type"), Name: none.Name}
	}
	return value.Text(s.Annotation(NLBPrefix+"nlb-target-type"), none)
}

// BoundPods are the Services, by NAMESPACE/NAME, whose pods a TargetGroupBinding
// makes targets of a target group that is made elsewhere.
func (c *Cluster) BoundPods() map[string]bool {
	bound := map[string]bool{}
	for _, o := range c.Objects {
		if o.Kind == "TargetGroupBinding" && o.Spec().Get("targetType").Text() == "ip" {
			bound[o.Namespace+"/"+o.Spec().Get("serviceRef", "name").Text()] = true
		}
	}
	return bound
}

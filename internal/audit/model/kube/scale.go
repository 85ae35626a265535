package kube

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// DownPolicy is one of behavior.scaleDown.policies.
type DownPolicy struct {
	Node   *tree.Node
	Type   string // Pods, Percent
	Value  value.Value[int]
	Period value.Value[time.Duration]
}

// Behavior is where the scaler's behavior is: KEDA hands its own on to the HPA
// that it makes.
func (s *Scaler) Behavior() *tree.Node {
	if s.Kind == "ScaledObject" {
		return s.Spec().Get("advanced", "horizontalPodAutoscalerConfig", "behavior")
	}
	return s.Spec().Get("behavior")
}

// ScaleDown is behavior.scaleDown; nil: the platform's.
func (s *Scaler) ScaleDown() *tree.Node { return s.Behavior().Get("scaleDown") }

// Policies are those of the scale-in.
func (s *Scaler) Policies() (all []DownPolicy) {
	for _, n := range s.ScaleDown().Get("policies").List() {
		all = append(all, DownPolicy{
			Node: n, Type: n.Get("type").Text(),
			Value:  value.Int(n.Get("value"), value.Value[int]{Name: "value"}),
			Period: value.InSeconds(n.Get("periodSeconds"), value.Value[time.Duration]{Name: "periodSeconds"}),
		})
	}
	return all
}

// Vertical is a VerticalPodAutoscaler.
type Vertical struct {
	*Object
	Workload *Workload // nil: not among the files
}

// Verticals finds the VerticalPodAutoscalers.
func (c *Cluster) Verticals() (all []Vertical) {
	var byName map[string][]*Workload
	for _, o := range c.Objects {
		if o.Kind != "VerticalPodAutoscaler" {
			continue
		}
		if byName == nil {
			byName = c.workloadsByName()
		}
		v := Vertical{Object: o}
		ref := o.Spec().Get("targetRef")
		for _, w := range near(o, byName[o.Namespace+"/"+ref.Get("kind").Text()+"/"+ref.Get("name").Text()]) {
			v.Workload = w
		}
		all = append(all, v)
	}
	return all
}

// workloadsByName is NAMESPACE/KIND/NAME.
func (c *Cluster) workloadsByName() map[string][]*Workload {
	byName := map[string][]*Workload{}
	for _, w := range c.Workloads {
		at := w.Namespace + "/" + w.Kind + "/" + w.Name
		byName[at] = append(byName[at], w)
	}
	return byName
}

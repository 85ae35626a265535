// Package kube is what Kubernetes manifests say: objects, what of them belongs
// together, and who sends to whom.
//
// Guarantees: the order is that of the files; objects are joined within their
// namespace only; ten thousand of them are joined in a moment.
//
// Not guaranteed: that a cluster would accept them.
package kube

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Cluster is what Kubernetes manifests say beyond services.
type Cluster struct {
	Objects   []*Object // all, in the order of the files
	Workloads []*Workload
	Services  []*Service
	Ingresses []*Ingress
	Routes    []*HTTPRoute
	Scalers   []*Scaler
	Budgets   []*Disruption
}

// Object is one Kubernetes object.
type Object struct {
	Group, Version, Kind string // apps, v1, Deployment
	Namespace, Name      string // namespace "default" if none is written
	Root                 *tree.Node
	Labels               map[string]string
	Annotations          *tree.Node // metadata.annotations; may be nil
}

// Spec is the object's spec.
func (o *Object) Spec() *tree.Node { return o.Root.Get("spec") }

// Annotation returns the value of an annotation, nil if it is not there.
func (o *Object) Annotation(name string) *tree.Node { return o.Annotations.Get(name) }

// NameNode is where the object is named: its metadata.name, or else its kind.
func (o *Object) NameNode() *tree.Node {
	for _, n := range []*tree.Node{o.Root.Get("metadata", "name"), o.Root.Get("kind")} {
		if n != nil {
			return n
		}
	}
	return o.Root
}

// String is KIND NAMESPACE/NAME.
func (o *Object) String() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// Workload is an object with a pod template, or a pod.
type Workload struct {
	*Object
	Pod            *tree.Node // the pod's spec
	PodLabels      map[string]string
	PodAnnotations *tree.Node   // may be nil
	Containers     []*Container // that run side by side, sidecars after them

	Services  []*Service // that select its pods
	Ingresses []*Ingress // that lead to one of these
	Routes    []*HTTPRoute
	Scaler    *Scaler // nil: none
	Budgets   []*Disruption
}

// Note returns an annotation of the pod or, if it has none, of the object.
func (w *Workload) Note(name string) *tree.Node {
	if n := w.PodAnnotations.Get(name); n.Exists() {
		return n
	}
	return w.Annotation(name)
}

// Container is one of a pod.
type Container struct {
	Node    *tree.Node
	Name    string
	Image   string
	Sidecar bool                       // an init container that runs on
	PreStop *tree.Node                 // lifecycle.preStop; nil: none
	Sleep   value.Value[time.Duration] // how long the hook sleeps, 0 without one; unknown: it does something else
	Command []string                   // command and args as written; empty: the image's
	Ports   []Port
}

// Port is one that a container listens on, or a Service has.
type Port struct {
	Node   *tree.Node
	Name   string
	Number int    // 0: not known
	App    string // appProtocol
	Target string // of a Service's: the container's port, by name or number; empty: Number
}

// Service is a Service.
type Service struct {
	*Object
	Selector  map[string]string
	Type      string // ClusterIP unless it is written
	Headless  bool
	Ports     []Port
	Workloads []*Workload // that it selects

	Fronted   bool // an Ingress or a route leads to it
	APIServer bool // it is the API server that calls it: a webhook's
}

// Ingress is an Ingress.
type Ingress struct {
	*Object
	Router   route.Kind
	Hosts    []string
	Backends []string // names of Services in its namespace

	Services  []*Service  // of these that are among the files
	Workloads []*Workload // behind them
}

// HTTPRoute is the Gateway API's.
type HTTPRoute struct {
	*Object
	Hosts []string
	Rules []RouteRule
}

// RouteRule is one rule of an HTTPRoute.
type RouteRule struct {
	Node     *tree.Node
	Backends []string // names of Services in the route's namespace

	Services  []*Service  // of these that are among the files
	Workloads []*Workload // behind them
}

// Scaler is a HorizontalPodAutoscaler or KEDA's ScaledObject.
type Scaler struct {
	*Object
	TargetKind, TargetName string
	Min, Max               value.Value[int]
	Workload               *Workload // nil: not among the files
}

// Disruption is a PodDisruptionBudget.
type Disruption struct {
	*Object
	Selector  map[string]string
	Workloads []*Workload
}

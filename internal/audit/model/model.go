// Package model is what files say about services and how their instances
// leave, in one shape for all platforms. Rules are written against it.
//
//	m := model.Build(files, pol)
//	for _, s := range m.Services {
//		fmt.Println(s.Name, s.PreStop, s.Grace, s.Needs)
//	}
//
// Guarantees: every value knows where it stands; what files do not decide is
// unknown, never a guess; the order is that of the files.
//
// Not guaranteed: that a value is one the platform would accept.
package model

import (
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Platform is what runs a service's instances and stops them.
type Platform string

const (
	Kubernetes Platform = "Kubernetes"
	ECS        Platform = "ECS"
	Systemd    Platform = "systemd"
	Process    Platform = "process" // nothing says what runs it: Spring's configuration alone
)

// Model is what the files of one run say.
type Model struct {
	Policy   *policy.Policy // never nil; Stated is false if there is none
	Services []*Service
	Kube     *Cluster
	AWS      *AWS
	Spring   []*Application
	Images   []*Image
	Stores   []*Store
	Notes    []tree.Note // on what is written and cannot be meant
}

// Service is a set of equal instances that users reach.
type Service struct {
	Platform  Platform
	Kind      string // Deployment, Rollout, ECS service
	Namespace string
	Name      string
	Node      *tree.Node      // that names it
	Stated    *policy.Service // what the policy says of it; nil: nothing

	Needs    Needs
	Sessions Sessions
	Grace    Value[Duration] // between SIGTERM (or PreStop's beginning) and SIGKILL
	PreStop  Value[Duration] // the instance serves on before its SIGTERM; charged to Grace
	Replicas Value[int]      // that there are always: the autoscaler's least, if there is one
	Routers  []*Router

	Workload *Workload    // on Kubernetes
	Task     *TaskService // on ECS
	Unit     *Unit        // on systemd
	App      *Application // Spring's configuration, if it is known which
}

// RouterKind is what sends requests to instances.
type RouterKind string

const (
	KubeProxy     RouterKind = "kube-proxy"
	IngressNginx  RouterKind = "ingress-nginx"
	AWSController RouterKind = "AWS Load Balancer Controller"
	GatewayAPI    RouterKind = "Gateway API"
	LoadBalancer  RouterKind = "load balancer" // of a Service
	ALB           RouterKind = "ALB"
	NLB           RouterKind = "NLB"
	Eureka        RouterKind = "Eureka"
	OtherIngress  RouterKind = "ingress controller" // of a kind that files do not tell
)

// Router is one thing that sends requests to a service's instances, and how
// long it may go on after they were withdrawn.
type Router struct {
	Kind   RouterKind
	Node   *tree.Node // that makes it one
	Window Duration   // propagation
}

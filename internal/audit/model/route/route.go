// Package route is what sends requests to instances, and for how long after they
// were withdrawn.
//
// Guarantees: there is a window for each kind of Kubernetes' and for Eureka,
// the policy package's.
package route

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Kind is what sends requests to instances.
type Kind string

const (
	KubeProxy     Kind = "kube-proxy"
	IngressNginx  Kind = "ingress-nginx"
	AWSController Kind = "AWS Load Balancer Controller"
	GatewayAPI    Kind = "Gateway API"
	LoadBalancer  Kind = "load balancer" // of a Service
	ALB           Kind = "ALB"
	NLB           Kind = "NLB"
	Eureka        Kind = "Eureka"
	OtherIngress  Kind = "ingress controller" // of a kind that files do not tell
)

// Router is one thing that sends requests to a service's instances, and how
// long it may go on after they were withdrawn.
type Router struct {
	Kind   Kind
	Node   *tree.Node    // that makes it one
	Window time.Duration // propagation
}

// Windows are how long routers may go on sending, the policy's. What files do
// not tell the kind of is taken for one that is as quick as kube-proxy.
var Windows = map[Kind]time.Duration{
	KubeProxy: policy.Windows[policy.KubeProxy], IngressNginx: policy.Windows[policy.IngressNginx], GatewayAPI: policy.Windows[policy.GatewayAPI],
	AWSController: policy.Windows[policy.AWSController], Eureka: policy.Windows[policy.Eureka],
	OtherIngress: policy.Windows[policy.KubeProxy], LoadBalancer: policy.Windows[policy.KubeProxy],
}

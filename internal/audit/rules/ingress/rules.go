// Package ingress has the rules of what leads users to workloads on Kubernetes:
// Ingresses with their controllers, and the Gateway API. Rules do no I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package ingress

import "slices"

// Rules are those of Ingresses and routes.
var Rules = slices.Concat(ingressRules, gatewayRules)

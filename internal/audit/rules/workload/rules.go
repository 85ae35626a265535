// Package workload has the rules of workloads on Kubernetes: the way out of one
// pod, and who sends to it. Rules do no I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package workload

import "slices"

// Rules are those of pods, and of the Services that lead to them.
var Rules = slices.Concat(podRules, routingRules)

// Package rollout has the rules of how many pods of a workload on Kubernetes leave
// at once: rollouts, disruption budgets, autoscalers. Rules do no I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package rollout

import "slices"

// Rules are those of rollouts and autoscalers.
var Rules = slices.Concat(rolloutRules, scalingRules)

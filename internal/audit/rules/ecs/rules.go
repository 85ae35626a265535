// Package ecs has the rules of ECS and of the load balancers in front of it.
// Rules do no I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package ecs

import "slices"

// Rules are those of ECS and of load balancers.
var Rules = slices.Concat(ecsRules, albRules)

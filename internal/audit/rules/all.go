// Package rules is the catalogue: what settings lose sessions or requests, why,
// and how to mend it.
//
//	findings := rule.Run(m, rules.All())
//
// The rules are in the packages below this one, by what they look at; what they
// share is in [rule].
//
// Guarantees: the order is that of the IDs; each is there once; a rule yields
// to rules of the catalogue only.
package rules

import (
	"cmp"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/boot"
	"github.com/evenkeel/evenkeel/internal/audit/rules/budget"
	"github.com/evenkeel/evenkeel/internal/audit/rules/ecs"
	"github.com/evenkeel/evenkeel/internal/audit/rules/host"
	"github.com/evenkeel/evenkeel/internal/audit/rules/ingress"
	"github.com/evenkeel/evenkeel/internal/audit/rules/rollout"
	"github.com/evenkeel/evenkeel/internal/audit/rules/store"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
)

// All is the catalogue, by ID.
func All() []*rule.Rule {
	all := slices.Concat(workload.Rules, rollout.Rules, ingress.Rules, ecs.Rules, boot.Rules, host.Rules, store.Rules, budget.Rules)
	slices.SortFunc(all, func(a, b *rule.Rule) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

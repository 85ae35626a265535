package rules

import "slices"

// All is the catalogue, in the order of the pages.
func All() []*Rule {
	return slices.Concat(kubePod, kubeRouting, kubeRollout, kubeScaling, kubeIngress, kubeGateway, ecs, alb, spring, eureka, images, units, stores, budgets)
}

package main

import "strings"

// subject says that a linter's check speaks of the same as a rule.
type subject struct {
	rule, linter, check string
	words               string // that the check's text must have, where one check says several things
	why                 string
}

// subjects was written by hand, from the linters' own lists of checks. Where in
// doubt a check is counted for them.
var subjects = []subject{
	{"EK-K8S-020", "kube-score", "pod-probes", "missing a readinessProbe", "a pod without readinessProbe"},
	{"EK-K8S-020", "checkov", "CKV_K8S_9", "", "a container without readinessProbe"},
	{"EK-K8S-021", "kube-score", "pod-probes-identical", "", "the same readiness and liveness probe"},
	{"EK-K8S-026", "kube-score", "deployment-strategy", "", "a strategy other than RollingUpdate"},
	{"EK-K8S-037", "kube-score", "deployment-replicas", "", "a Deployment with fewer than 2 replicas"},
	{"EK-K8S-037", "kube-score", "horizontalpodautoscaler-replicas", "", "an autoscaler with minReplicas below 2"},
	{"EK-K8S-038", "kube-score", "container-resources", "Memory request", "a container without a memory request"},
	{"EK-K8S-038", "checkov", "CKV_K8S_12", "", "a container without a memory request"},
	{"EK-K8S-036", "checkov", "CKV_K8S_26", "", "hostPort, for its exposure"},
	{"EK-K8S-036", "checkov", "CKV_K8S_19", "", "hostNetwork, for its exposure"},
	{"EK-HPA-004", "kube-score", "deployment-targeted-by-hpa-does-not-have-replicas-configured", "", "replicas beside an autoscaler"},
	{"EK-PDB-001", "kube-score", "deployment-has-poddisruptionbudget", "", "a Deployment that no PodDisruptionBudget selects"},
	{"EK-PDB-001", "kube-score", "statefulset-has-poddisruptionbudget", "", "a StatefulSet that no PodDisruptionBudget selects"},
	{"EK-PDB-002", "kube-score", "poddisruptionbudget-has-policy", "", "a PodDisruptionBudget without minAvailable and maxUnavailable, the nearest that there is"},
}

// says reports whether r of a linter is about the subject of a rule.
func says(linter, rule string, r report) bool {
	if linter == (evenkeel{}).name() {
		return r.check == rule
	}
	for _, s := range subjects {
		if s.linter == linter && s.rule == rule && s.check == r.check && strings.Contains(strings.ToLower(r.text), strings.ToLower(s.words)) {
			return true
		}
	}
	return false
}

// has reports whether a linter has a check on the subject of a rule.
func has(linter, rule string) bool {
	if linter == (evenkeel{}).name() {
		return true
	}
	for _, s := range subjects {
		if s.linter == linter && s.rule == rule {
			return true
		}
	}
	return false
}

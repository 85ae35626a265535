package rollout

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// budgetRules are the rules of PodDisruptionBudgets.
var budgetRules = []*rule.Rule{
	{
		ID: "EK-PDB-001", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Kubernetes PodDisruptionBudget",
		Title:   "no PodDisruptionBudget for a service that users reach",
		Why:     "When machines are drained, for an upgrade or by an autoscaler, all pods of the service may be evicted at the same time: users meet an outage.",
		Fix:     "Add a PodDisruptionBudget with maxUnavailable: 1 and the pods' labels.",
		Sources: []string{"Kubernetes documentation: disruptions; Eviction API"},
		Check:   checkNoBudget,
	},
	{
		ID: "EK-PDB-002", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes PodDisruptionBudget",
		Title: "the PodDisruptionBudget allows no eviction at all",
		Why: "The drain of a machine never ends. In the end somebody forces it, or the cloud takes the machine away, " +
			"and the pods are killed without preStop and without their grace period: what the budget was meant to prevent.",
		Fix:     "Set maxUnavailable: 1 instead, with two replicas at least.",
		Sources: []string{"Kubernetes 1.36: pkg/controller/disruption, minAvailable and maxUnavailable are rounded up"},
		Check:   checkClosedBudget,
	},
	{
		ID: "EK-PDB-003", Severity: rule.Info, Autofix: rule.No, Surface: "Kubernetes PodDisruptionBudget",
		Title:   "a comment relies on a PodDisruptionBudget for rollouts or scale-in",
		Why:     "Only evictions ask the budget. A rollout, kubectl scale and an autoscaler that removes pods do not: pods that the comment thinks safe leave all the same.",
		Fix:     "Limit rollouts by the Deployment's strategy, and scale-in by the autoscaler's behavior.",
		Sources: []string{"Measured against Kubernetes 1.36.3: minAvailable 100 % refuses an eviction; rollout restart and scale of the same Deployment go through"},
		Check:   checkBudgetComment,
	},
}

func checkNoBudget(p *rule.Pass) {
	open := map[string]bool{} // namespaces with a budget whose pods are not known
	for _, b := range p.Kube.Budgets {
		open[b.Namespace] = open[b.Namespace] || len(b.Selector) == 0 || b.Spec().Get("selector", "matchExpressions").Exists()
	}
	for s, w := range workload.Web(p) {
		if len(w.Budgets) > 0 || open[w.Namespace] || w.Kind == "DaemonSet" || !s.Replicas.Known() || s.Replicas.V < 2 {
			continue
		}
		p.Report(rule.Finding{
			Node: s.Node, Service: s, Message: fmt.Sprintf("all %d pods may be evicted at the same time: no PodDisruptionBudget selects them", s.Replicas.V),
		})
	}
}

func checkClosedBudget(p *rule.Pass) {
	for _, b := range p.Kube.Budgets {
		n, zero := b.Spec().Get("maxUnavailable"), true
		fix := edit.Set(n, "1")
		if n == nil {
			n, zero = b.Spec().Get("minAvailable"), false
			fix = slices.Concat(edit.Remove(n), rule.Put(b.Spec(), "1", "maxUnavailable"))
		}
		f, ok := closed(p, b, n, zero)
		if !ok {
			continue
		}
		f.Node, f.Message, f.Fix = n, "no pod may be evicted: the drain of a machine waits until somebody forces it", rule.Mend("set maxUnavailable to 1", fix)
		if f.Subject = b.String(); len(b.Workloads) > 0 {
			f.Service = p.Of(b.Workloads[0])
		}
		p.Report(f)
	}
}

// closed reports whether a budget allows no eviction, by its value n, which is
// maxUnavailable or minAvailable. Budgets of stores are left alone: they are
// often closed on purpose, so that somebody moves the leader before.
func closed(p *rule.Pass, b *kube.Disruption, n *tree.Node, unavailable bool) (f rule.Finding, ok bool) {
	v := value.Text(n, value.Value[string]{Name: "minAvailable"})
	if unavailable {
		v.Name = "maxUnavailable"
		none, known := share(v, 100, true)
		f.Arithmetic, ok = v.String()+" = no eviction", known && none == 0
	} else if v.V == "100%" {
		f.Arithmetic, ok = v.String()+" = no eviction", true
	}
	switch {
	case len(b.Workloads) == 0:
		f.Severity = rule.Warn // whom it is for is not known
		return f, ok
	case !slices.ContainsFunc(b.Workloads, (*kube.Workload).MayServe):
		return f, false
	case ok || unavailable || len(b.Workloads) > 1:
		return f, ok
	}
	replicas := p.Of(b.Workloads[0]).Replicas
	least, known := share(v, replicas.V, true)
	if !known || !replicas.Known() || replicas.V == 0 || least < replicas.V {
		return f, false
	}
	if !replicas.Written() && b.Workloads[0].Scaler == nil {
		f.Severity = rule.Warn // who sets the replicas is not among the files
	}
	f.Arithmetic = fmt.Sprintf("%s >= %s", v, replicas)
	if v.V[len(v.V)-1] == '%' {
		f.Arithmetic = fmt.Sprintf("%s of %s = %d >= %d", v, replicas, least, replicas.V)
	}
	return f, true
}

var (
	relies = regexp.MustCompile(`(?i)\b(during|for|on|at|in|when|while|against|each|every|from)\b[^.]*\b(roll-?outs?|rolling updates?|deploys|scale[- ]?(in|downs?)|scaling (in|down))\b`)
	denies = regexp.MustCompile(`(?i)\b(not|only|no|never|neither|without)\b|n't\b`)
)

func checkBudgetComment(p *rule.Pass) {
	lines := map[*tree.File][][]byte{}
	for _, b := range p.Kube.Budgets {
		f := b.Root.Doc.File
		if f.Format != tree.YAML {
			continue
		}
		if lines[f] == nil {
			lines[f] = bytes.Split(f.Data, []byte("\n"))
		}
		if comment := reliance(lines[f], b.Root); comment != "" {
			p.Report(rule.Finding{Node: b.NameNode(), Subject: b.String(), Message: "rollouts and scale-in do not ask the budget, on which a comment relies: " + comment})
		}
	}
}

// reliance is the comment among the lines of an object, or right above it, that
// says the budget is for rollouts or scale-in.
func reliance(lines [][]byte, root *tree.Node) string {
	begin := min(root.Line, len(lines)) - 1
	for begin > 0 && bytes.HasPrefix(bytes.TrimSpace(lines[begin-1]), []byte("#")) {
		begin--
	}
	for i := max(begin, 0); i < min(lastLine(root), len(lines)); i++ {
		_, text, _ := bytes.Cut(append([]byte(" "), lines[i]...), []byte(" #"))
		if relies.Match(text) && !denies.Match(text) {
			return string(bytes.TrimSpace(text))
		}
	}
	return ""
}

// lastLine is the last line on which something of n stands.
func lastLine(n *tree.Node) int {
	last := max(n.Line, n.KeyLine)
	for _, c := range n.Items {
		last = max(last, lastLine(c))
	}
	return last
}

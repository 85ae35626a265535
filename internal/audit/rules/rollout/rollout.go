package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// rolloutRules are the rules of how many pods there are while some leave.
var rolloutRules = slices.Concat([]*rule.Rule{
	{
		ID: "EK-K8S-026", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes Deployment",
		Title: "strategy Recreate for a service that users reach",
		Why: "All instances stop before the first new one starts: every rollout is an outage, and every session in their memory is lost. " +
			"Where a volume or a port of the machine allows only one pod, Recreate is right.",
		Fix:     "Use RollingUpdate with maxUnavailable 0.",
		Sources: []string{"Kubernetes documentation: Deployments, Recreate"},
		Check:   checkRecreate,
	},
	{
		ID: "EK-K8S-027", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Kubernetes Deployment",
		Title: "a rollout stops old pods before new ones are ready",
		Why: "With maxUnavailable above 0 (25 % if nothing is written, which is 1 of 4) users share fewer instances during each rollout, " +
			"and sessions leave before there is anywhere to go. With sessions outside the process it is a matter of capacity, and information only.",
		Fix:     "Set maxUnavailable to 0; maxSurge has to be above 0 then.",
		Sources: []string{"Kubernetes 1.36: pkg/apis/apps/v1 defaults 25 % and 25 %; deployment util ResolveFenceposts rounds maxUnavailable down and maxSurge up"},
		Check:   checkUnavailable,
	},
	{
		ID: "EK-K8S-036", Severity: rule.Warn, Autofix: rule.No, Surface: "Kubernetes pod template",
		Title: "a rollout needs a second pod where the port of the machine allows one",
		Why: "With maxUnavailable 0 a new pod starts before an old one stops, but its hostPort is taken on every machine that has a pod: " +
			"the rollout hangs, and somebody deletes pods by hand.",
		Fix:     "Do without hostPort and hostNetwork, keep a spare machine, or set maxUnavailable to 1 and drain at the balancer before.",
		Sources: []string{"Kubernetes scheduler: plugin NodePorts"},
		Check:   checkHostPort,
	},
	{
		ID: "EK-K8S-037", Severity: rule.Error, Autofix: rule.Guided, Surface: "Kubernetes workload",
		Title: "one instance only, with sessions in its memory",
		Why: "Each rollout, each eviction and each failure of that instance logs all users out. " +
			"If no replicas are written and no autoscaler is among the files, one is only what Kubernetes assumes, and this is a warning.",
		Fix:     "Keep sessions outside the process, and run two instances at least.",
		Sources: []string{"Kubernetes API: Deployment.spec.replicas, HorizontalPodAutoscaler.spec.minReplicas, 1 if nothing is written"},
		Check:   checkSingle,
	},
	{
		ID: "EK-K8S-038", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Kubernetes pod template",
		Title: "no memory request for a pod that users reach",
		Why: "When a machine runs out of memory the kubelet evicts pods first that use more than they asked for, with a grace period of 0: " +
			"no preStop hook, no drain. Running requests are cut, and all sessions in the instance's memory are lost; where sessions are outside this is information only.",
		Fix:     "Request the memory that the program uses; with a limit of the same size it is among the last to be evicted.",
		Sources: []string{"Kubernetes documentation: node-pressure eviction, pod selection; hard eviction thresholds"},
		Check:   checkMemoryRequest,
	},
}, budgetRules)

// rolling are a Deployment's numbers of a rolling update.
type rolling struct {
	node                *tree.Node // strategy or rollingUpdate; may be nil
	unavailable, surge  value.Value[string]
	down, more, replica int // pods, of the replicas there always are
}

// rollingOf reads them; false if the workload has another strategy, or a number
// is not decided.
func rollingOf(s *model.Service, w *kube.Workload) (r rolling, ok bool) {
	strategy := w.Spec().Get("strategy")
	if kind := strategy.Get("type"); w.Kind != "Deployment" || kind != nil && kind.Text() != "RollingUpdate" || !s.Replicas.Known() {
		return r, false
	}
	r.node = strategy.Get("rollingUpdate")
	r.unavailable = value.Text(r.node.Get("maxUnavailable"), value.Of("maxUnavailable", "25%"))
	r.surge = value.Text(r.node.Get("maxSurge"), value.Of("maxSurge", "25%"))
	r.replica = s.Replicas.V
	down, ok1 := share(r.unavailable, r.replica, false)
	more, ok2 := share(r.surge, r.replica, true)
	if down == 0 && more == 0 {
		down = 1 // Kubernetes' own way out: both 0 cannot go on
	}
	r.down, r.more = min(down, r.replica), more
	return r, ok1 && ok2
}

// share is a number or a percentage of pods, a part of a pod rounded up or down.
func share(v value.Value[string], of int, up bool) (int, bool) {
	text, percent := strings.CutSuffix(v.V, "%")
	n, err := strconv.Atoi(text)
	if !v.Known() || err != nil || n < 0 || n > 1<<20 {
		return 0, false
	}
	if !percent {
		return n, true
	}
	if up {
		return (n*of + 99) / 100, true
	}
	return n * of / 100, true
}

func checkRecreate(p *rule.Pass) {
	claims := sharedClaims(p)
	for s, w := range workload.All(p) {
		n := w.Spec().Get("strategy", "type")
		if w.Kind != "Deployment" || n.Text() != "Recreate" || !w.Web() && (s.Sessions.Home != session.Memory || !w.MayServe()) ||
			s.Replicas.V == 0 || alone(w, claims) {
			continue
		}
		p.Report(rule.Finding{
			Node: n, Service: s, Message: "a rollout stops all instances before it starts the first new one",
			Fix: rule.Mend("use RollingUpdate with maxUnavailable 0", edit.Set(n, "RollingUpdate"), rule.Put(w.Spec(), "0", "strategy", "rollingUpdate", "maxUnavailable")),
		})
	}
}

// sharedClaims are the volume claims, NAMESPACE/NAME, that pods on several
// machines can use at once.
func sharedClaims(p *rule.Pass) map[string]bool {
	all := map[string]bool{}
	for _, o := range p.Kube.Objects {
		if o.Kind != "PersistentVolumeClaim" {
			continue
		}
		for _, mode := range o.Spec().Get("accessModes").List() {
			if m := mode.Text(); m == "ReadWriteMany" || m == "ReadOnlyMany" {
				all[o.Namespace+"/"+o.Name] = true
			}
		}
	}
	return all
}

// alone reports whether a second pod cannot, as far as is known, run beside the
// first: for a volume or a port of the machine.
func alone(w *kube.Workload, shared map[string]bool) bool {
	for _, v := range w.Pod.Get("volumes").List() {
		for _, disk := range []string{"gcePersistentDisk", "awsElasticBlockStore", "azureDisk", "cinder"} {
			if v.Get(disk).Exists() {
				return true
			}
		}
		if c := v.Get("persistentVolumeClaim", "claimName"); c.Exists() && !shared[w.Namespace+"/"+c.Text()] {
			return true
		}
	}
	return hostPort(w) != nil
}

// hostPort is what takes a port of the machine; nil if nothing does.
func hostPort(w *kube.Workload) *tree.Node {
	for _, c := range w.Containers {
		for _, port := range c.Ports {
			if n := port.Node.Get("hostPort"); n.Exists() && n.Text() != "0" {
				return n
			}
			if n := w.Pod.Get("hostNetwork"); n.Text() == "true" {
				return n
			}
		}
	}
	return nil
}

func checkUnavailable(p *rule.Pass) {
	claims := sharedClaims(p)
	for s, w := range workload.Web(p) {
		r, ok := rollingOf(s, w)
		if !ok || r.down == 0 || alone(w, claims) {
			continue
		}
		parts := [][]edit.Edit{rule.Put(w.Spec(), "0", "strategy", "rollingUpdate", "maxUnavailable")}
		if r.surge.Written() && r.more == 0 {
			parts = append(parts, rule.Put(w.Spec(), "1", "strategy", "rollingUpdate", "maxSurge"))
		}
		p.Report(rule.Finding{
			Node: r.unavailable.At(keyed(w.Spec().Get("strategy"), w)), Service: s, Severity: lessOutside(p, s),
			Message:    fmt.Sprintf("a rollout may stop %d of %d pods before their successors are ready", r.down, r.replica),
			Arithmetic: fmt.Sprintf("%s of %s = %d > 0", r.unavailable, s.Replicas, r.down),
			Fix:        rule.Mend("set maxUnavailable to 0", parts...),
		})
	}
}

func checkHostPort(p *rule.Pass) {
	for s, w := range workload.Web(p) {
		r, ok := rollingOf(s, w)
		n := hostPort(w)
		if !ok || n == nil || r.down > 0 || r.replica == 0 {
			continue
		}
		p.Report(rule.Finding{
			Node: n, Service: s, Message: "a new pod cannot start on a machine that still has an old one, and the rollout stops none before",
			Arithmetic: fmt.Sprintf("%s of %s = 0 pods stop first", r.unavailable, s.Replicas),
		})
	}
}

func checkSingle(p *rule.Pass) {
	for s, w := range workload.All(p) {
		said := s.Sessions.Node != nil || s.Stated != nil && s.Stated.Name != "" || w.MayServe()
		if s.Sessions.Home != session.Memory || !said || w.Kind == "DaemonSet" || w.Kind == "Pod" || !s.Replicas.Known() || s.Replicas.V != 1 {
			continue
		}
		f := rule.Finding{
			Node: s.Replicas.At(s.Node), Service: s, Message: "the only instance holds all sessions: when it leaves, all users are logged out",
			Arithmetic: fmt.Sprintf("%s, sessions in memory (%s)", s.Replicas, s.Sessions.Source),
		}
		two := rule.Put(w.Spec(), "2", "replicas")
		if w.Scaler != nil {
			f.Node = s.Replicas.At(w.Scaler.NameNode())
			two = rule.Put(w.Scaler.Spec(), "2", s.Replicas.Name)
		} else if !s.Replicas.Written() {
			f.Severity = rule.Warn
		}
		f.Fix = rule.Ask("how many instances shall there be?", rule.Choice{Title: "two, with affinity at the router, so that half of the sessions outlives a failure", Edits: two})
		p.Report(f)
	}
}

func checkMemoryRequest(p *rule.Pass) {
	ranged := map[string]bool{}
	for _, o := range p.Kube.Objects {
		if o.Kind == "LimitRange" {
			ranged[o.Namespace] = true
		}
	}
	for s, w := range workload.Web(p) {
		asked := func(n *tree.Node) bool {
			return n.Get("resources", "requests", "memory").Exists() || n.Get("resources", "limits", "memory").Exists()
		}
		if ranged[w.Namespace] || asked(w.Pod) {
			continue
		}
		for _, c := range w.Serving() {
			if !asked(c.Node) {
				p.Report(rule.Finding{Node: c.Node, Service: s, Severity: lessOutside(p, s), Message: fmt.Sprintf("container %s asks for no memory: its pod is among the first to be evicted, without a grace period", c.Name)})
				break
			}
		}
	}
}

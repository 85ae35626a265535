package rollout

import (
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// scalingRules are the rules of autoscalers: how many pods leave at once, and
// how often.
var scalingRules = append([]*rule.Rule{
	{
		ID: "EK-HPA-001", Severity: rule.Error, Autofix: rule.Safe, Surface: "HorizontalPodAutoscaler",
		Title: "No policy limits how fast the autoscaler scales in",
		Why: "Without a policy the autoscaler may remove all surplus pods in one step, 100 % in 15 s once its window of 300 s is over. " +
			"Everybody who was on one of them moves at the same moment, and sessions that are kept in those pods are gone together. " +
			"Where the sessions are known to be kept outside, this is a warning.",
		Fix:     "Set behavior.scaleDown.policies to one pod per 60 s, or per grace period if that is longer.",
		Sources: []string{"Kubernetes API reference: autoscaling/v2 HPAScalingRules", "Kubernetes 1.36: pkg/apis/autoscaling/v2/defaults.go"},
		Check:   checkScaleDownPolicy,
	},
	{
		ID: "EK-HPA-002", Severity: rule.Error, Autofix: rule.Safe, Surface: "HorizontalPodAutoscaler",
		Title: "A scale-in policy's period is shorter than the pods' grace period",
		Why: "The next pods are told to stop while the ones before are still leaving, so that more leave at once than the policy says. " +
			"Capacity falls below what the autoscaler believes, and the session store takes several pods' writes together.",
		Fix:     "Set periodSeconds to the grace period or more; the API allows up to 1800.",
		Sources: []string{"Kubernetes API reference: autoscaling/v2 HPAScalingPolicy"},
		Check:   checkScaleDownPeriod,
	},
	{
		ID: "EK-HPA-003", Severity: rule.Warn, Autofix: rule.Safe, Surface: "HorizontalPodAutoscaler",
		Title: "scaleDown.stabilizationWindowSeconds is shorter than 300",
		Why: "A short window lets the autoscaler remove pods after every short lull and add them again. " +
			"Each round moves users to other pods. 300 s is the default of the platform.",
		Fix:     "Leave stabilizationWindowSeconds out, or set it to 300 up to the session timeout; the API allows up to 3600.",
		Sources: []string{"Kubernetes 1.36: kube-controller-manager --horizontal-pod-autoscaler-downscale-stabilization, 5m"},
		Check:   checkScaleDownWindow,
	},
	{
		ID: "EK-HPA-004", Severity: rule.Error, Autofix: rule.Safe, Surface: "HorizontalPodAutoscaler and its workload",
		Title: "spec.replicas is set beside an autoscaler",
		Why: "Every time the manifest is applied the workload goes back to this number. " +
			"At a busy time that is a sudden scale-in of all pods that the autoscaler had added, with the sessions in them.",
		Fix:     "Remove replicas from the manifest.",
		Sources: []string{"Kubernetes documentation: Migrating Deployments and StatefulSets to horizontal autoscaling"},
		Check:   checkReplicasBesideScaler,
	},
	{
		ID: "EK-HPA-006", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "pod-deletion-cost is the same for all pods",
		Why: "The annotation ranks the pods of one ReplicaSet when it shrinks. In the template every pod has the same value, " +
			"so that it ranks nothing, and a pod full of sessions is removed as readily as an empty one.",
		Fix:     "Remove the annotation from the template; set it on each pod while it runs, by the sessions it has.",
		Sources: []string{"Kubernetes 1.36: pkg/controller/controller_utils.go, ActivePodsWithRanks"},
		Check:   checkDeletionCost,
	},
	{
		ID: "EK-HPA-007", Severity: rule.Info, Autofix: rule.No, Surface: "StatefulSet with an autoscaler",
		Title: "A StatefulSet with sessions in memory is scaled in from its highest ordinal",
		Why: "A StatefulSet always removes the pod with the highest number and ignores pod-deletion-cost. " +
			"It may be the busiest one, and its sessions are lost.",
		Fix:     "Drain the last pod before it is removed, keep the sessions outside, or use a Deployment.",
		Sources: []string{"Kubernetes documentation: StatefulSet, deployment and scaling guarantees"},
		Check:   checkStatefulScaler,
	},
}, scalerRules...)

// scaled are the scalers of workloads that users reach.
func scaled(p *rule.Pass, see func(*kube.Scaler, *model.Service)) {
	for _, s := range p.Kube.Scalers {
		if s.Workload != nil && p.Of(s.Workload) != nil && s.Workload.Web() {
			see(s, p.Of(s.Workload))
		}
	}
}

// lessOutside is the rule's severity, one grade less where sessions are kept
// outside.
func lessOutside(p *rule.Pass, s *model.Service) rule.Severity {
	if s.Sessions.Home == session.External {
		return p.Severity().Less()
	}
	return p.Severity()
}

// Periods of scale-in policies: one that is suggested, and the longest that the
// API allows.
const (
	usualPeriod = time.Minute
	maxPeriod   = 1800 * time.Second
)

func checkScaleDownPolicy(p *rule.Pass) {
	scaled(p, func(s *kube.Scaler, svc *model.Service) {
		down := s.ScaleDown()
		if s.Kind != "HorizontalPodAutoscaler" || s.Max.Written() && s.Min.Known() && s.Max.V-s.Min.V <= 1 {
			return // KEDA's own defaults are not known for sure; one pod of surplus leaves alone
		}
		if down.Get("selectPolicy").Text() == "Disabled" || len(down.Get("policies").List()) > 0 {
			return
		}
		period := rule.WholeSeconds(min(max(usualPeriod, svc.Grace.V), maxPeriod))
		f := rule.Finding{
			Node: down, Service: svc, Severity: lessOutside(p, svc),
			Message:    fmt.Sprintf("all surplus pods of %s may be removed in one step", s.Workload),
			Arithmetic: fmt.Sprintf("scaleDown policy 100 %% per 15 s (default), %s to %s", number(s.Min), number(s.Max)),
		}
		if f.Node == nil {
			f.Node = s.NameNode()
		}
		if s.Version == "v2" || s.Version == "v2beta2" {
			f.Fix = rule.Mend("let one pod go per "+period+" s", limitScaleDown(s, period))
		}
		p.Report(f)
	})
}

// limitScaleDown writes a policy of one pod per period, in seconds.
func limitScaleDown(s *kube.Scaler, period string) []edit.Edit {
	policies := edit.Entry{Key: "policies", Children: []edit.Entry{{Children: []edit.Entry{
		{Key: "type", Value: "Pods"}, {Key: "value", Value: "1"}, {Key: "periodSeconds", Value: period},
	}}}, Item: true, OneLine: true}
	switch {
	case s.ScaleDown() != nil:
		return edit.Insert(s.ScaleDown(), policies)
	case s.Behavior() != nil:
		return edit.Insert(s.Behavior(), edit.Entry{Key: "scaleDown", Children: []edit.Entry{policies}})
	}
	return edit.Insert(s.Spec(), edit.Entry{Key: "behavior", Children: []edit.Entry{{Key: "scaleDown", Children: []edit.Entry{policies}}}})
}

func number(v value.Value[int]) string {
	if !v.Known() {
		return v.Name + " ?"
	}
	return v.String()
}

func checkScaleDownPeriod(p *rule.Pass) {
	scaled(p, func(s *kube.Scaler, svc *model.Service) {
		policies := s.Policies()
		if !svc.Grace.Known() || s.ScaleDown().Get("selectPolicy").Text() == "Disabled" {
			return
		}
		var short []kube.DownPolicy
		for _, q := range policies {
			if q.Period.Written() && q.Period.V < svc.Grace.V {
				short = append(short, q)
			}
		}
		if s.ScaleDown().Get("selectPolicy").Text() == "Min" && len(short) < len(policies) {
			return // the slower of them limits
		}
		for _, q := range short {
			batches := int(math.Ceil(svc.Grace.V.Seconds() / max(1, q.Period.V.Seconds())))
			want := rule.WholeSeconds(min(svc.Grace.V, maxPeriod))
			p.Report(rule.Finding{
				Node: q.Period.Node, Service: svc, Severity: lessOutside(p, svc),
				Message:    fmt.Sprintf("up to %d batches of pods leave at once: each takes %s, and the next follows after %s", batches, value.Seconds(svc.Grace.V), value.Seconds(q.Period.V)),
				Arithmetic: fmt.Sprintf("periodSeconds %s < %s", value.Seconds(q.Period.V), svc.Grace),
				Fix:        rule.Mend("set periodSeconds to "+want, edit.Set(q.Period.Node, want)),
			})
		}
	})
}

// downWindow is the platform's window before a scale-in.
const downWindow = 300 * time.Second

func checkScaleDownWindow(p *rule.Pass) {
	scaled(p, func(s *kube.Scaler, svc *model.Service) {
		w := value.InSeconds(s.ScaleDown().Get("stabilizationWindowSeconds"), value.Of("stabilizationWindowSeconds", downWindow))
		if !w.Written() || w.V >= downWindow {
			return
		}
		p.Report(rule.Finding{
			Node: w.Node, Service: svc, Severity: lessOutside(p, svc),
			Message:    "a short lull is enough for a scale-in, and users move each time",
			Arithmetic: fmt.Sprintf("%s < %s, the platform's default", w, value.Seconds(downWindow)),
			Fix:        rule.Mend("set stabilizationWindowSeconds to 300", edit.Set(w.Node, "300")),
		})
	})
}

func checkReplicasBesideScaler(p *rule.Pass) {
	for _, s := range p.Kube.Scalers {
		if s.Workload == nil {
			continue
		}
		n := value.Int(s.Workload.Spec().Get("replicas"), value.Value[int]{Name: "replicas"})
		if !n.Written() || s.Min.Written() && s.Max.Written() && s.Min.V == n.V && s.Max.V == n.V {
			continue
		}
		p.Report(rule.Finding{
			Node: n.Node, Service: p.Of(s.Workload),
			Message:    fmt.Sprintf("each apply sets %s back to %d pods, whatever %s has chosen", s.Workload, n.V, s),
			Arithmetic: fmt.Sprintf("%s beside %s and %s", n, number(s.Min), number(s.Max)),
			Fix:        rule.Mend("remove replicas", edit.Remove(n.Node)),
		})
	}
}

const deletionCost = "controller.kubernetes.io/pod-deletion-cost"

func checkDeletionCost(p *rule.Pass) {
	for _, w := range p.Kube.Workloads {
		n := w.PodAnnotations.Get(deletionCost)
		if w.Kind == "Pod" || !n.Exists() {
			continue
		}
		p.Report(rule.Finding{
			Node: n, Service: p.Of(w),
			Message: "all pods of " + w.String() + " have the same deletion cost, which ranks none of them",
			Fix:     rule.Mend("remove the annotation", edit.Remove(n)),
		})
	}
}

func checkStatefulScaler(p *rule.Pass) {
	for _, s := range p.Kube.Scalers {
		if s.Workload == nil || s.Workload.Kind != "StatefulSet" || p.Of(s.Workload).Sessions.Home != session.Memory {
			continue
		}
		p.Report(rule.Finding{
			Node: s.NameNode(), Service: p.Of(s.Workload),
			Message: fmt.Sprintf("a scale-in removes the last pod of %s with the sessions in it, however many they are", s.Workload),
		})
	}
}

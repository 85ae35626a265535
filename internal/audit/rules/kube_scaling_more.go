package rules

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// kubeScalers are the rules of what others than the HPA take away: KEDA, the
// VPA, Argo Rollouts.
var kubeScalers = []*Rule{
	{
		ID: "EK-HPA-005", Severity: Warn, Autofix: Guided, Surface: "KEDA ScaledObject",
		Title: "A service with sessions in memory is scaled to zero",
		Why: "KEDA removes the last pod when no trigger was active for cooldownPeriod. Users may be there all the same, below the trigger or reading a page, " +
			"and come back to a new pod that does not know their session. " +
			"Where minReplicaCount is not written this is worth knowing only: that KEDA's default is 0 was not confirmed by its source.",
		Fix:     "Set minReplicaCount to 1 or more, or keep the sessions outside.",
		Sources: []string{"KEDA documentation: ScaledObject specification"},
		Check:   checkScaleToZero,
	},
	{
		ID: "EK-HPA-008", Severity: Warn, Autofix: Guided, Surface: "VerticalPodAutoscaler",
		Title: "The vertical autoscaler evicts pods with sessions",
		Why: "In the modes Auto and Recreate the updater evicts pods whenever its recommendation changes, at any time of the day. " +
			"Users on these pods are moved, and sessions in their memory are lost.",
		Fix:     "Use the mode Initial or Off, or InPlaceOrRecreate where the cluster has it.",
		Sources: []string{"Kubernetes autoscaler documentation: Vertical Pod Autoscaler, update modes"},
		Check:   checkVerticalMode,
	},
	{
		ID: "EK-ARGO-001", Severity: Warn, Autofix: Safe, Surface: "Argo Rollout",
		Title: "scaleDownDelaySeconds is shorter than the longest request",
		Why: "After the switch the old pods are removed although routers still send to them and requests on them are not finished. " +
			"Users see errors at every release.",
		Fix:     "Set scaleDownDelaySeconds to the longest request or stream, and at least 30.",
		Sources: []string{"Argo Rollouts documentation: blue-green, scaleDownDelaySeconds"},
		Check:   checkScaleDownDelay,
	},
}

func checkScaleToZero(p *Pass) {
	for _, s := range p.Kube.Scalers {
		if s.Kind != "ScaledObject" || s.Workload == nil || s.Workload.Service.Sessions.Home != model.Memory {
			continue
		}
		svc := s.Workload.Service
		idle := model.Int(s.Spec().Get("idleReplicaCount"), model.Value[int]{Name: "idleReplicaCount"})
		least := s.Min
		if idle.Written() {
			least = idle
		}
		if !least.Known() || least.V > 0 {
			continue
		}
		f := Finding{Node: least.At(s.NameNode()), Service: svc, Severity: Warn, Message: fmt.Sprintf("%s goes down to no pod, and the sessions in its memory are lost", s.Workload), Arithmetic: least.String()}
		wait := model.InSeconds(s.Spec().Get("cooldownPeriod"), model.Of("cooldownPeriod", downWindow))
		if timeout := svc.Sessions.Timeout; timeout.Known() && wait.Known() && wait.V < timeout.V {
			f.Arithmetic = fmt.Sprintf("%s, %s < session timeout %s", least, wait, model.Seconds(timeout.V))
		}
		if !least.Written() {
			f.Severity = Info
		} else {
			f.Fix = asks("keep a pod", Choice{Title: "set " + least.Name + " to 1", Edits: edit.Set(least.Node, "1")})
		}
		p.Report(f)
	}
}

func checkVerticalMode(p *Pass) {
	for _, o := range p.Kube.Verticals() {
		mode := o.Spec().Get("updatePolicy", "updateMode")
		w := o.Workload
		if w == nil || !w.Web() || w.Service.Sessions.Home == model.External || mode.Text() != "Auto" && mode.Text() != "Recreate" {
			continue
		}
		p.Report(Finding{
			Node: mode, Service: w.Service, Message: fmt.Sprintf("pods of %s are evicted whenever the recommendation changes", w),
			Fix: asks("choose another mode",
				Choice{Title: "set updateMode to Initial", Edits: edit.Set(mode, "Initial")},
				Choice{Title: "set updateMode to Off", Edits: edit.Set(mode, "Off")}),
		})
	}
}

// argoDelay is the default of scaleDownDelaySeconds.
const argoDelay = 30 * 1e9

func checkScaleDownDelay(p *Pass) {
	for _, w := range p.Kube.Workloads {
		if w.Kind != "Rollout" {
			continue
		}
		strategy := w.Spec().Get("strategy")
		at := strategy.Get("blueGreen")
		if canary := strategy.Get("canary"); at == nil && canary.Get("trafficRouting").Exists() {
			at = canary
		}
		if at == nil {
			continue
		}
		delay := model.InSeconds(at.Get("scaleDownDelaySeconds"), model.Of("scaleDownDelaySeconds", model.Duration(argoDelay)))
		needs := w.Service.Needs
		busy := max(needs.Requests.D, needs.Streams.D)
		if !delay.Known() || delay.V >= busy || w.Service.Platform != model.Kubernetes {
			continue
		}
		want := wholeSeconds(max(busy, argoDelay))
		needs.Flush.D = 0
		p.Report(Finding{
			Node: delay.At(keyed(at, w)), Service: w.Service,
			Message:    fmt.Sprintf("the old pods of %s are removed %s after the switch, before what runs on them is finished", w, model.Seconds(delay.V)),
			Arithmetic: fmt.Sprintf("%s < %s", delay, needs),
			Fix:        change("set scaleDownDelaySeconds to "+want, put(at, want, "scaleDownDelaySeconds")),
		})
	}
}

// keyed is at, or the object's name if at is empty and has no place of its own.
func keyed(at *tree.Node, w *model.Workload) *tree.Node {
	if at.Exists() {
		return at
	}
	return w.NameNode()
}

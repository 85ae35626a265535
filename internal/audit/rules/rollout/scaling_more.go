package rollout

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// scalerRules are the rules of what others than the HPA take away: KEDA, the
// VPA, Argo Rollouts.
var scalerRules = []*rule.Rule{
	{
		ID: "EK-HPA-005", Severity: rule.Warn, Autofix: rule.Guided, Surface: "KEDA ScaledObject",
		Title: "A service with sessions in memory is scaled to zero",
		Why: "KEDA removes the last pod when no trigger was active for cooldownPeriod. Users may be there all the same, below the trigger or reading a page, " +
			"and come back to a new pod that does not know their session. " +
			"Where minReplicaCount is not written this is worth knowing only: that KEDA's default is 0 was not confirmed by its source.",
		Fix:     "Set minReplicaCount to 1 or more, or keep the sessions outside.",
		Sources: []string{"KEDA documentation: ScaledObject specification"},
		Check:   checkScaleToZero,
	},
	{
		ID: "EK-HPA-008", Severity: rule.Warn, Autofix: rule.Guided, Surface: "VerticalPodAutoscaler",
		Title: "The vertical autoscaler evicts pods with sessions",
		Why: "In the modes Auto and Recreate the updater evicts pods whenever its recommendation changes, at any time of the day. " +
			"Users on these pods are moved, and sessions in their memory are lost.",
		Fix:     "Use the mode Initial or Off, or InPlaceOrRecreate where the cluster has it.",
		Sources: []string{"Kubernetes autoscaler documentation: Vertical Pod Autoscaler, update modes"},
		Check:   checkVerticalMode,
	},
	{
		ID: "EK-ARGO-001", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Argo Rollout",
		Title: "scaleDownDelaySeconds is shorter than the longest request",
		Why: "After the switch the old pods are removed although routers still send to them and requests on them are not finished. " +
			"Users see errors at every release.",
		Fix:     "Set scaleDownDelaySeconds to the longest request or stream, and at least 30.",
		Sources: []string{"Argo Rollouts documentation: blue-green, scaleDownDelaySeconds"},
		Check:   checkScaleDownDelay,
	},
}

func checkScaleToZero(p *rule.Pass) {
	for _, s := range p.Kube.Scalers {
		if s.Kind != "ScaledObject" || s.Workload == nil || p.Of(s.Workload).Sessions.Home != session.Memory {
			continue
		}
		svc := p.Of(s.Workload)
		idle := value.Int(s.Spec().Get("idleReplicaCount"), value.Value[int]{Name: "idleReplicaCount"})
		least := s.Min
		if idle.Written() {
			least = idle
		}
		if !least.Known() || least.V > 0 {
			continue
		}
		f := rule.Finding{Node: least.At(s.NameNode()), Service: svc, Severity: rule.Warn, Message: fmt.Sprintf("%s goes down to no pod, and the sessions in its memory are lost", s.Workload), Arithmetic: least.String()}
		wait := value.InSeconds(s.Spec().Get("cooldownPeriod"), value.Of("cooldownPeriod", downWindow))
		if timeout := svc.Sessions.Timeout; timeout.Known() && wait.Known() && wait.V < timeout.V {
			f.Arithmetic = fmt.Sprintf("%s, %s < session timeout %s", least, wait, value.Seconds(timeout.V))
		}
		if !least.Written() {
			f.Severity = rule.Info
		} else {
			f.Fix = rule.Ask("keep a pod", rule.Choice{Title: "set " + least.Name + " to 1", Edits: edit.Set(least.Node, "1")})
		}
		p.Report(f)
	}
}

func checkVerticalMode(p *rule.Pass) {
	for _, o := range p.Kube.Verticals() {
		mode := o.Spec().Get("updatePolicy", "updateMode")
		w := o.Workload
		if w == nil || !w.Web() || p.Of(w).Sessions.Home == session.External || mode.Text() != "Auto" && mode.Text() != "Recreate" {
			continue
		}
		p.Report(rule.Finding{
			Node: mode, Service: p.Of(w), Message: fmt.Sprintf("pods of %s are evicted whenever the recommendation changes", w),
			Fix: rule.Ask("choose another mode",
				rule.Choice{Title: "set updateMode to Initial", Edits: edit.Set(mode, "Initial")},
				rule.Choice{Title: "set updateMode to Off", Edits: edit.Set(mode, "Off")}),
		})
	}
}

// argoDelay is the default of scaleDownDelaySeconds.
const argoDelay = 30 * 1e9

func checkScaleDownDelay(p *rule.Pass) {
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
		delay := value.InSeconds(at.Get("scaleDownDelaySeconds"), value.Of("scaleDownDelaySeconds", time.Duration(argoDelay)))
		needs := p.Of(w).Needs
		busy := max(needs.Requests.D, needs.Streams.D)
		if !delay.Known() || delay.V >= busy || p.Of(w).Platform != model.Kubernetes {
			continue
		}
		want := rule.WholeSeconds(max(busy, argoDelay))
		needs.Flush.D = 0
		p.Report(rule.Finding{
			Node: delay.At(keyed(at, w)), Service: p.Of(w),
			Message:    fmt.Sprintf("the old pods of %s are removed %s after the switch, before what runs on them is finished", w, value.Seconds(delay.V)),
			Arithmetic: fmt.Sprintf("%s < %s", delay, needs),
			Fix:        rule.Mend("set scaleDownDelaySeconds to "+want, rule.Put(at, want, "scaleDownDelaySeconds")),
		})
	}
}

// keyed is at, or the object's name if at is empty and has no place of its own.
func keyed(at *tree.Node, w *kube.Workload) *tree.Node {
	if at.Exists() {
		return at
	}
	return w.NameNode()
}

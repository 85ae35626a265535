package workload

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// graceRules are the rules of the time between a pod's deletion and SIGKILL.
var graceRules = []*rule.Rule{
	{
		ID: "EK-K8S-001", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "terminationGracePeriodSeconds is shorter than preStop and what must finish",
		Why: "The preStop hook is charged to the same clock: the kubelet subtracts it from the grace period and sends SIGKILL at its end. " +
			"Requests that are still running are cut, and what was not yet written is lost. " +
			"It is a warning where only the margin is missing, and where a pod without a hook is short by requests that are merely assumed.",
		Fix:      "Set terminationGracePeriodSeconds to preStop + max(requests, streams) + flush + margin.",
		Sources:  []string{"Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, killContainer"},
		YieldsTo: []string{"EK-K8S-002", "EK-K8S-007", "EK-K8S-032"},
		Check:    checkGrace,
	},
	{
		ID: "EK-K8S-002", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "preStop takes the whole grace period",
		Why: "The hook is cut when the grace period ends, and the program is left with the 2 s that the kubelet allows at least: " +
			"it has waited for nothing, and every request that is running then is cut. A native sleep longer than the grace period is refused by the API server.",
		Fix:      "Set terminationGracePeriodSeconds to preStop + max(requests, streams) + flush + margin, or make the hook shorter.",
		Sources:  []string{"Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, killContainer, minimumGracePeriodInSeconds", "Kubernetes 1.36: pkg/apis/core/validation, validateSleepAction"},
		YieldsTo: []string{"EK-K8S-007"},
		Check:    checkHookFillsGrace,
	},
	{
		ID: "EK-K8S-007", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "terminationGracePeriodSeconds leaves no time to stop",
		Why: "With 0 the pod is killed at once, and no preStop hook runs; with a second or two the program has just time to hear of it. " +
			"Every scale-in and every rollout cuts the requests that are running, and loses what was not yet written.",
		Fix:     "Set terminationGracePeriodSeconds to preStop + max(requests, streams) + flush + margin.",
		Sources: []string{"Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, killContainer", "Kubernetes documentation, StatefulSets: a grace period of 0 is unsafe"},
		Check:   checkNoGrace,
	},
	{
		ID: "EK-K8S-008", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "the liveness probe has a grace period of its own that is too short",
		Why: "A container that is restarted because of its liveness probe gets the probe's grace period instead of the pod's. " +
			"One slow minute is enough, and the sessions and requests of the instance are cut although the pod's grace period is right.",
		Fix:     "Make it as long as the pod's grace period, or remove it, so that the pod's counts.",
		Sources: []string{"Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, setTerminationGracePeriod"},
		Check:   checkProbeGrace,
	},
	{
		ID: "EK-K8S-015", Severity: rule.Warn, Autofix: rule.No, Surface: "Kubernetes pod template",
		Title: "the grace period is longer than the cluster autoscaler waits",
		Why: "The cluster autoscaler waits 600 s for pods of a node that it removes (its default, which a cluster may have changed, and files do not say whether there is one: hence information only). " +
			"What takes longer is cut.",
		Fix:      "Raise --max-graceful-termination-sec of the cluster autoscaler, or need less time: hand sessions over instead of waiting for their end.",
		Sources:  []string{"Cluster autoscaler, flag max-graceful-termination-sec; AKS documentation, cluster autoscaler profile: 600"},
		YieldsTo: []string{"EK-K8S-016", "EK-K8S-018"},
		Check:    checkAutoscalerGrace,
	},
	{
		ID: "EK-K8S-016", Severity: rule.Error, Autofix: rule.Guided, Surface: "Kubernetes pod template",
		Title: "the grace period is longer than the notice of a spot machine",
		Why: "A spot machine is taken away two minutes after its notice on AWS, and about 30 s on Google Cloud and Azure (the clouds' own figures, which they may change: hence information only). " +
			"Pods that need longer lose their requests and sessions.",
		Fix:     "Need less than the notice, or keep sessions outside the process and some instances on other machines.",
		Sources: []string{"AWS: Spot Instance interruption notices, two minutes", "Google Cloud and Azure documentation, spot machines: 30 s"},
		Check:   checkSpotGrace,
	},
	{
		ID: "EK-K8S-018", Severity: rule.Info, Autofix: rule.No, Surface: "Kubernetes pod template",
		Title:   "the grace period is longer than an hour",
		Why:     "A rollout and the removal of a machine wait for each pod. Sooner or later somebody, or the autoscaler, does not wait, and the sessions are cut.",
		Fix:     "Hand sessions over to another instance instead of waiting for their end.",
		Sources: []string{"Kubernetes documentation, Pod Lifecycle: termination of Pods"},
		Check:   checkLongGrace,
	},
}

func checkGrace(p *rule.Pass) {
	for s, w := range All(p) {
		if !s.Grace.Known() || s.PreStop.State == value.Unknown || !concerned(s) {
			continue
		}
		sum, text := Leaving(s, s.PreStop.V)
		margin, severity := policy.Margin(sum), rule.Error
		switch {
		case sum <= s.Grace.V && !s.Needs.Requests.Stated && !s.Needs.Streams.Stated, sum+margin <= s.Grace.V:
			continue
		case sum <= s.Grace.V, s.PreStop.V == 0 && !s.Needs.Requests.Stated && !s.Needs.Streams.Stated:
			severity = rule.Warn // of a grace period that somebody chose only an assumption says that it is short
		}
		grace := GraceFor(s, s.PreStop.V)
		p.Report(rule.Finding{
			Node: s.Grace.At(s.Node), Service: s, Severity: severity,
			Message:    fmt.Sprintf("the pod is killed after %s, but needs %s to leave", value.Seconds(s.Grace.V), value.Seconds(sum+margin)),
			Arithmetic: fmt.Sprintf("%s + margin %s = %s > %s", text, value.Seconds(margin), value.Seconds(sum+margin), s.Grace),
			Fix:        rule.Mend("set terminationGracePeriodSeconds to "+rule.WholeSeconds(grace), SetGrace(w, grace)),
		})
	}
}

func checkHookFillsGrace(p *rule.Pass) {
	for s, w := range All(p) {
		var longest *kube.Container
		for _, c := range w.Containers {
			if s.Grace.Known() && c.Sleep.Written() && c.Sleep.V >= s.Grace.V && (longest == nil || c.Sleep.V > longest.Sleep.V) {
				longest = c
			}
		}
		if longest == nil {
			continue
		}
		what, sign := "the program gets 2 s after its hook", ">="
		if longest.PreStop.Get("sleep") != nil && longest.Sleep.V > s.Grace.V {
			what, sign = "the API server refuses the pod: its hook sleeps longer than its grace period", ">"
		}
		grace := GraceFor(s, longest.Sleep.V)
		p.Report(rule.Finding{
			Node: longest.Sleep.At(s.Node), Service: s, Message: what,
			Arithmetic: fmt.Sprintf("%s %s %s", longest.Sleep, sign, s.Grace),
			Fix:        rule.Mend("set terminationGracePeriodSeconds to "+rule.WholeSeconds(grace), SetGrace(w, grace)),
		})
	}
}

// noGrace is the grace period below which nothing is done in an orderly way.
const noGrace = 5 * time.Second

func checkNoGrace(p *rule.Pass) {
	for s, w := range All(p) {
		if !s.Grace.Written() || s.Grace.V >= noGrace || !concerned(s) && (w.Kind != "StatefulSet" || s.Grace.V >= 2*time.Second) {
			continue
		}
		grace := GraceFor(s, s.PreStop.V)
		if grace <= s.Grace.V && s.Needs.Requests.Stated {
			continue
		}
		f := rule.Finding{Node: s.Grace.Node, Service: s, Message: fmt.Sprintf("SIGKILL follows %s after the pod's deletion", value.Seconds(max(s.Grace.V, 2*time.Second)))}
		if s.Grace.V <= 0 {
			f.Message = "the pod is killed at once: no preStop hook runs, and SIGTERM has no time"
		}
		f.Arithmetic = fmt.Sprintf("%s < %s", s.Grace, value.Seconds(noGrace))
		if s.PreStop.State != value.Unknown {
			f.Fix = rule.Mend("set terminationGracePeriodSeconds to "+rule.WholeSeconds(grace), SetGrace(w, grace))
		}
		p.Report(f)
	}
}

// checkProbeGrace leaves startup probes alone: a container that did not start
// has no requests.
func checkProbeGrace(p *rule.Pass) {
	for s, w := range All(p) {
		if !s.Grace.Known() || !concerned(s) {
			continue
		}
		severity := rule.Warn
		if s.Needs.Requests.Stated || s.Needs.Streams.Stated || s.Sessions.Home == session.Memory {
			severity = rule.Error
		}
		for _, c := range w.Containers {
			own := value.InSeconds(c.Node.Get("livenessProbe", "terminationGracePeriodSeconds"), value.Value[time.Duration]{Name: "livenessProbe.terminationGracePeriodSeconds"})
			if !own.Written() || own.V >= s.Needs.Drain() || own.V >= s.Grace.V {
				continue
			}
			grace := rule.WholeSeconds(max(s.Grace.V, s.Needs.Drain()))
			p.Report(rule.Finding{
				Node: own.Node, Service: s, Severity: severity,
				Message:    fmt.Sprintf("a restart by the liveness probe of container %s cuts requests after %s", c.Name, value.Seconds(own.V)),
				Arithmetic: fmt.Sprintf("%s < %s", own, s.Needs),
				Fix:        rule.Mend("set livenessProbe.terminationGracePeriodSeconds to "+grace, edit.Set(own.Node, grace)),
			})
		}
	}
}

const (
	autoscalerWaits = 600 * time.Second // the cluster autoscaler's max-graceful-termination-sec
	longGrace       = time.Hour
)

func checkAutoscalerGrace(p *rule.Pass) {
	for s := range All(p) {
		if s.Grace.Written() && s.Grace.V > autoscalerWaits {
			p.Report(rule.Finding{
				Node: s.Grace.Node, Service: s, Severity: rule.Info,
				Message:    "a node that the cluster autoscaler removes does not wait that long",
				Arithmetic: fmt.Sprintf("%s > max-graceful-termination-sec %s (default)", s.Grace, value.Seconds(autoscalerWaits)),
			})
		}
	}
}

func checkLongGrace(p *rule.Pass) {
	for s := range All(p) {
		if s.Grace.Written() && s.Grace.V > longGrace {
			p.Report(rule.Finding{
				Node: s.Grace.Node, Service: s,
				Message:    "rollouts and node drains wait for each pod longer than anybody does",
				Arithmetic: fmt.Sprintf("%s > %s", s.Grace, value.Seconds(longGrace)),
			})
		}
	}
}

// spots are the node labels of spot machines, with the notice these get.
var spots = []struct {
	label, value string
	notice       time.Duration
}{
	{"eks.amazonaws.com/capacityType", "SPOT", 120 * time.Second},
	{"karpenter.sh/capacity-type", "spot", 120 * time.Second},
	{"cloud.google.com/gke-spot", "true", 30 * time.Second},
	{"cloud.google.com/gke-preemptible", "true", 30 * time.Second},
	{"kubernetes.azure.com/scalesetpriority", "spot", 30 * time.Second},
}

func checkSpotGrace(p *rule.Pass) {
	for s, w := range Web(p) {
		for _, spot := range spots {
			if n := w.Pod.Get("nodeSelector", spot.label); n.Text() == spot.value && s.Grace.Written() && s.Grace.V > spot.notice {
				p.Report(rule.Finding{
					Node: s.Grace.Node, Service: s, Severity: rule.Info,
					Message:    "the machine is gone before the grace period ends",
					Arithmetic: fmt.Sprintf("%s > notice %s of %s=%s", s.Grace, value.Seconds(spot.notice), spot.label, spot.value),
					Fix: rule.Ask("how shall the pod fit the notice?", rule.Choice{
						Title: "set terminationGracePeriodSeconds to " + rule.WholeSeconds(spot.notice-10*time.Second), Edits: SetGrace(w, spot.notice-10*time.Second),
					}, rule.Choice{Title: "run it on other machines", Edits: edit.Remove(n)}),
				})
			}
		}
	}
}

package workload

import (
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// hookRules are the rules of preStop hooks.
var hookRules = []*rule.Rule{
	{
		ID: "EK-K8S-003", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "a pod that users reach has no preStop hook",
		Why: "SIGTERM and the news that the pod is leaving set out at the same time. Until every proxy has heard of it, new requests reach a program that no longer listens: " +
			"each scale-in and each rollout refuses connections (302 of 2,700 requests with proxies that lag 3 s, none with a hook of 5 s).",
		Fix: "Add lifecycle.preStop.sleep as long as the slowest router takes (5 s kube-proxy, 8 s ingress-nginx, 20 s the AWS controller), " +
			"or let the program itself serve on after SIGTERM and say so with shutdown.lame_duck in evenkeel.yaml.",
		Sources: []string{"Kubernetes 1.36: EndpointSlice controller and kubelet act independently", "Measured against Kubernetes 1.36.3: scale-in from 3 pods to 1 at 150 requests/s"},
		Check:   checkNoHook,
	},
	{
		ID: "EK-K8S-004", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "the preStop hook is shorter than the routers take to notice",
		Why: "The program closes its port while a proxy or balancer still sends to it: users get refused connections and 502s for the rest of the time. " +
			"Without a withdraw time in evenkeel.yaml the router's usual time counts, and a hook of at least half of it is a warning.",
		Fix:     "Make the hook as long as the slowest router takes.",
		Sources: []string{"kube-proxy: minSyncPeriod 1 s", "ingress-nginx: --sync-rate-limit 0.3 per second", "aws-load-balancer-controller issues 1064, 2366, 3270"},
		Check:   checkShortHook,
	},
	{
		ID: "EK-K8S-005", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title:   "the preStop hook needs a shell or sleep that the image does not have",
		Why:     "A hook that cannot start is only an event, FailedPreStopHook: SIGTERM follows at once, and the time that was meant for the routers is none.",
		Fix:     "Use the kubelet's own lifecycle.preStop.sleep (Kubernetes 1.30 and later).",
		Sources: []string{"Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, executePreStopHook", "Distroless, Chainguard and .NET chiseled images: no shell"},
		Check:   checkHookWithoutShell,
	},
	{
		ID: "EK-K8S-006", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title:   "preStop.sleep is used with clusters older than 1.30",
		Why:     "Before 1.30 the field is off: the API server drops it, and the hook is refused or missing, so that pods leave without waiting.",
		Fix:     "Use exec with sleep on clusters before 1.30, or raise kubernetes.min_version in evenkeel.yaml if there are none.",
		Sources: []string{"KEP-3960: alpha and off in 1.29, on since 1.30"},
		Check:   checkSleepVersion,
	},
	{
		ID: "EK-K8S-009", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title:    "one container of a pod waits before it stops, another that requests need does not",
		Why:      "Hooks and signals go to each container by itself. While one still serves, the proxy before it or behind it is gone already, and its requests fail.",
		Fix:      "Give both the same hook, or make the proxy a native sidecar (an init container with restartPolicy: Always), which stops last.",
		Sources:  []string{"Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, killContainersWithSyncResult"},
		YieldsTo: []string{"EK-K8S-003", "EK-K8S-010"},
		Check:    checkUnevenHooks,
	},
	{
		ID: "EK-K8S-011", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Kubernetes pod template",
		Title:   "the preStop hook of a native sidecar stops it too early",
		Why:     "Only the SIGTERM of a native sidecar waits for the other containers. Its preStop hook runs at once, so that the proxy closes while the program still serves.",
		Fix:     "Drop the hook: the kubelet stops sidecars after the other containers.",
		Sources: []string{"Kubernetes 1.36 kubelet: executePreStopHook comes before waitForTurn", "KEP-753"},
		Check:   checkSidecarHook,
	},
}

// servers are the containers whose leaving users notice: those that serve, or,
// where that is not known, all but agents and sidecars.
func servers(w *kube.Workload) []*kube.Container {
	all := w.Serving()
	if len(all) > 0 {
		return all
	}
	for _, c := range w.Containers {
		if !c.Sidecar && !agent(c) {
			all = append(all, c)
		}
	}
	return all
}

func checkNoHook(p *rule.Pass) {
	for s, w := range Web(p) {
		all := servers(w)
		hook := func(c *kube.Container) bool { return c.PreStop != nil }
		if s.Needs.Withdraw.D == 0 || s.Needs.LameDuck || len(all) == 0 || slices.ContainsFunc(all, hook) {
			continue
		}
		p.Report(rule.Finding{
			Node: all[0].Node, Service: s,
			Message:    "SIGTERM comes at once, while routers still send to the pod",
			Arithmetic: fmt.Sprintf("preStop 0 s < %s", withdraw(s)),
			Fix:        addHook(p, s, w, all, hookFor(s)),
		})
	}
}

// hookFor is how long the hook of s has to be: for routers, and for a balancer
// that finds out by health checks.
func hookFor(s *model.Service) time.Duration {
	d := s.Needs.Withdraw.D
	if l, ok := localBalancer(s.Workload); ok {
		d = max(d, l.window())
	}
	return d
}

// withdraw is the routers' time as people read it: "withdraw 8 s (usual with
// ingress-nginx)".
func withdraw(s *model.Service) string {
	text := "withdraw " + value.Seconds(s.Needs.Withdraw.D)
	for _, r := range s.Routers {
		if !s.Needs.Withdraw.Stated && r.Window == s.Needs.Withdraw.D {
			return fmt.Sprintf("%s (usual with %s)", text, r.Kind)
		}
	}
	return text
}

// addHook lets all wait for d, and makes room for it in the grace period.
func addHook(p *rule.Pass, s *model.Service, w *kube.Workload, all []*kube.Container, d time.Duration) *rule.Change {
	var parts [][]edit.Edit
	for _, c := range all {
		wait := wait(p, c, d)
		if wait.Key == "" {
			return nil
		}
		hook := edit.Entry{Key: "preStop", OneLine: true, Children: []edit.Entry{wait}}
		if l := c.Node.Get("lifecycle"); l.Exists() {
			parts = append(parts, edit.Insert(l, hook))
		} else {
			parts = append(parts, edit.Insert(c.Node, edit.Entry{Key: "lifecycle", OneLine: true, Children: []edit.Entry{hook}}))
		}
	}
	return changeWithGrace(fmt.Sprintf("add a preStop hook of %s", value.Seconds(rule.UpToSecond(d))), s, w, d, parts...)
}

// wait is what a hook that waits for d is in all clusters there are; without a
// name if c's image has no sleep.
func wait(p *rule.Pass, c *kube.Container, d time.Duration) edit.Entry {
	if !p.BeforeSleep() {
		return oneLine(rule.Under(rule.WholeSeconds(d), "sleep", "seconds"))
	}
	if shellless(c) {
		return edit.Entry{}
	}
	words := []edit.Entry{{Value: "sleep"}, {Value: rule.WholeSeconds(d), Text: true}}
	return edit.Entry{Key: "exec", OneLine: true, Children: []edit.Entry{{Key: "command", Item: true, Children: words}}}
}

func oneLine(e edit.Entry) edit.Entry {
	e.OneLine = true
	return e
}

// changeWithGrace is a change that makes the hook d long, with the grace period
// that it needs.
func changeWithGrace(title string, s *model.Service, w *kube.Workload, d time.Duration, parts ...[]edit.Edit) *rule.Change {
	if grace := GraceFor(s, rule.UpToSecond(d)); grace > s.Grace.V {
		if !s.Grace.Known() {
			return nil
		}
		title += " and set terminationGracePeriodSeconds to " + rule.WholeSeconds(grace)
		parts = append(parts, SetGrace(w, grace))
	}
	return rule.Mend(title, parts...)
}

func checkShortHook(p *rule.Pass) {
	for s, w := range Web(p) {
		if s.Needs.LameDuck {
			continue
		}
		var least *kube.Container
		for _, c := range servers(w) {
			if c.Sleep.Written() && c.Sleep.V < s.Needs.Withdraw.D && (least == nil || c.Sleep.V < least.Sleep.V) {
				least = c
			}
		}
		if least == nil {
			continue
		}
		severity := rule.Error
		if !s.Needs.Withdraw.Stated && 2*least.Sleep.V >= s.Needs.Withdraw.D {
			severity = rule.Warn
		}
		p.Report(rule.Finding{
			Node: least.Sleep.At(s.Node), Service: s, Severity: severity,
			Message:    fmt.Sprintf("routers may send to the pod for %s after its port was closed", value.Seconds(s.Needs.Withdraw.D-least.Sleep.V)),
			Arithmetic: fmt.Sprintf("%s < %s", least.Sleep, withdraw(s)),
			Fix: changeWithGrace("let the hook sleep "+value.Seconds(rule.UpToSecond(hookFor(s))), s, w, hookFor(s),
				resleep(least.Sleep, hookFor(s))),
		})
	}
}

// resleep makes a hook that sleeps sleep as long as d.
func resleep(sleep value.Value[time.Duration], d time.Duration) []edit.Edit {
	text, ok := kube.Resleep(sleep.Node.Text(), d)
	if !ok {
		return nil
	}
	return edit.Set(sleep.Node, text)
}

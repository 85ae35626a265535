package workload

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/shellscript"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// processRules are the rules of what gets a pod's signals.
var processRules = []*rule.Rule{
	{
		ID: "EK-K8S-010", Severity: rule.Error, Autofix: rule.Guided, Surface: "Kubernetes pod template",
		Title: "a proxy that the program needs is a plain container",
		Why: "All plain containers get SIGTERM together. The proxy leaves at once, and the requests that the program still answers, and the sessions it still writes, " +
			"lose the network on their last metres.",
		Fix:     "Move the proxy to initContainers with restartPolicy: Always: a native sidecar gets its SIGTERM when the other containers have ended (Kubernetes 1.29 and later).",
		Sources: []string{"Kubernetes 1.36 kubelet: pkg/kubelet/kuberuntime, newTerminationOrdering", "KEP-753: on since 1.29, stable in 1.33"},
		Check:   checkPlainProxy,
	},
	{
		ID: "EK-K8S-012", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "Istio's proxy ends before the program has left",
		Why: "Unless it is a native sidecar, Istio's proxy gets SIGTERM together with the program, drains for terminationDrainDuration (5 s if nothing is said), and is killed: " +
			"requests that are still running lose their connection. Where files do not say whether it is a native sidecar this is a warning.",
		Fix:      "Make terminationDrainDuration preStop + max(requests, streams) + flush, or set EXIT_ON_ZERO_ACTIVE_CONNECTIONS, or use native sidecars.",
		Sources:  []string{"Istio: ProxyConfig.terminationDrainDuration"},
		YieldsTo: []string{"EK-K8S-010"},
		Check:    checkIstioDrain,
	},
	{
		ID: "EK-K8S-013", Severity: rule.Error, Autofix: rule.Safe, Surface: "Kubernetes pod template",
		Title: "a shell is the container's first process and keeps SIGTERM to itself",
		Why: "sh -c \"program\" without exec leaves the shell as the first process, which does not pass SIGTERM on. " +
			"The program runs on as if nothing had happened, until SIGKILL cuts its requests and what it has not yet written. " +
			"bash and BusyBox do better; where the image's name does not say which shell sh is, this is a warning.",
		Fix:     "Write exec before the program, or start it without a shell, or under evenkeel run, tini or dumb-init.",
		Sources: []string{"Measured: dash 0.5.12 never replaces itself by a command; bash 5.2 does for a last command without redirections, BusyBox 1.35 for a last command"},
		Check:   checkShell,
	},
	{
		ID: "EK-K8S-014", Severity: rule.Error, Autofix: rule.Guided, Surface: "Kubernetes pod template",
		Title: "the stop signal is the one that stops this server fast",
		Why: "nginx, HAProxy, Apache and php-fpm drop their requests on SIGTERM. Their images ask for the graceful signal, " +
			"and lifecycle.stopSignal takes that back: users see every running request fail.",
		Fix:     "Remove lifecycle.stopSignal, or set the graceful one: SIGQUIT (nginx, php-fpm), SIGUSR1 (HAProxy), SIGWINCH (Apache).",
		Sources: []string{"nginx, Controlling nginx: TERM, INT fast, QUIT graceful", "HAProxy management guide: SIGTERM and SIGUSR1", "Apache: stopping and restarting", "KEP-4960: lifecycle.stopSignal"},
		Check:   checkStopSignal,
	},
}

// waiters are words of arguments, variables and annotations by which a proxy
// waits for its connections.
var waiters = []string{"EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "max-sigterm-delay", "term_timeout", "term-timeout", "shutdown-grace-period", "shutdown-drain-listeners"}

func checkPlainProxy(p *rule.Pass) {
	for s, w := range Web(p) {
		plain := 0
		for _, c := range w.Containers {
			if !c.Sidecar && !c.Mesh() {
				plain++
			}
		}
		for _, c := range w.Containers {
			if c.Sidecar || !c.Mesh() || plain == 0 || c.PreStop != nil || waitsItself(w, c) {
				continue
			}
			p.Report(rule.Finding{
				Node: c.Node, Service: s,
				Message: fmt.Sprintf("container %s gets SIGTERM together with the program that it connects", c.Name),
			})
		}
	}
}

// waitsItself reports whether proxy c was told to wait for its connections.
func waitsItself(w *kube.Workload, c *kube.Container) bool {
	words := append(slices.Clone(c.Command), w.Note("proxy.istio.io/config").Text())
	for _, v := range c.Node.Get("env").List() {
		words = append(words, v.Get("name").Text())
	}
	text := strings.Join(words, " ")
	return slices.ContainsFunc(waiters, func(word string) bool { return strings.Contains(text, word) })
}

const istioDrain = 5 * time.Second // Istio's terminationDrainDuration

var drainDuration = regexp.MustCompile(`terminationDrainDuration["']?\s*:\s*["']?([0-9a-z.]+)`)

func checkIstioDrain(p *rule.Pass) {
	for s, w := range Web(p) {
		drain, certain, ok := istio(w)
		if !ok || s.PreStop.State == value.Unknown {
			continue
		}
		sum, text := Leaving(s, s.PreStop.V)
		if sum <= drain.V {
			continue
		}
		severity := rule.Error
		if !certain || !s.Needs.Requests.Stated && s.PreStop.V <= drain.V {
			severity = rule.Warn
		}
		p.Report(rule.Finding{
			Node: drain.At(s.Node), Service: s, Severity: severity,
			Message:    fmt.Sprintf("Istio's proxy is killed %s after SIGTERM, while the program needs %s", value.Seconds(drain.V), value.Seconds(sum)),
			Arithmetic: fmt.Sprintf("%s = %s > %s", text, value.Seconds(sum), drain),
			Fix:        rule.Mend("set terminationDrainDuration to "+rule.WholeSeconds(sum)+"s", redrain(drain.Node, sum)),
		})
	}
}

// istio is how long w's proxy of Istio's drains, and whether it is certain that
// it does not stop after the program. ok is false if there is none, it waits by
// itself, or nothing is written and it may be a native sidecar.
func istio(w *kube.Workload) (drain value.Value[time.Duration], certain, ok bool) {
	drain = value.Of("terminationDrainDuration", istioDrain)
	native := w.Note("sidecar.istio.io/nativeSidecar").Text()
	certain = native == "false"
	for _, c := range w.Containers {
		if c.Name == "istio-proxy" {
			if c.Sidecar || waitsItself(w, c) {
				return drain, false, false
			}
			certain = true
		}
	}
	n := w.Note("proxy.istio.io/config")
	if native == "true" || strings.Contains(n.Text(), "EXIT_ON_ZERO_ACTIVE_CONNECTIONS") {
		return drain, false, false
	}
	if m := drainDuration.FindStringSubmatch(n.Text()); m != nil {
		d, err := time.ParseDuration(m[1])
		drain.V, drain.State, drain.Node = d, value.Written, n
		return drain, certain, err == nil
	}
	return drain, certain, certain
}

// redrain sets terminationDrainDuration in the annotation n.
func redrain(n *tree.Node, d time.Duration) []edit.Edit {
	at := drainDuration.FindStringSubmatchIndex(n.Text())
	if at == nil {
		return nil
	}
	return edit.Set(n, n.Text()[:at[2]]+rule.WholeSeconds(d)+"s"+n.Text()[at[3]:])
}

func checkShell(p *rule.Pass) {
	for s, w := range All(p) {
		if !w.MayServe() {
			continue
		}
		for _, c := range servers(w) {
			script, shell := shellScript(c)
			if script == nil {
				continue
			}
			last, at, ok := shellscript.LastCommand(script.Text())
			if !ok || at >= 0 && shellscript.ReplacesItself(c.Image, shell, last) {
				continue
			}
			f := rule.Finding{Node: script, Service: s, Message: fmt.Sprintf("%s is the first process of container %s and does not pass SIGTERM on to %s", shell, c.Name, shellscript.Program(last))}
			if at >= 0 && shell == "sh" && c.Sh() == "" {
				f.Severity = rule.Warn
				f.Message += ", unless the image's sh is bash or BusyBox"
			}
			if at >= 0 {
				f.Fix = rule.Mend("start "+shellscript.Program(last)+" with exec", edit.Set(script, script.Text()[:at]+"exec "+script.Text()[at:]))
			}
			p.Report(f)
		}
	}
}

func checkStopSignal(p *rule.Pass) {
	for s, w := range Web(p) {
		for _, c := range w.Containers {
			name, tag := c.ImageName()
			right, n := image.Graceful[name], c.Node.Get("lifecycle", "stopSignal")
			fast := slices.Contains([]string{"SIGTERM", "SIGINT", "SIGKILL"}, n.Text())
			if name == "php" && !strings.Contains(tag, "fpm") || right == "" || !fast || stopsByHook(c) {
				continue
			}
			p.Report(rule.Finding{
				Node: n, Service: s,
				Message: fmt.Sprintf("%s stops %s fast: running requests are cut; %s lets them finish", n.Text(), name, right),
				Fix: rule.Ask("which signal shall stop "+name+"?", rule.Choice{Title: right, Edits: edit.Set(n, right)},
					rule.Choice{Title: "the image's own", Edits: edit.Remove(n)}),
			})
		}
	}
}

// stopsByHook reports whether c's hook stops the server in an orderly way
// before the signal comes.
func stopsByHook(c *kube.Container) bool {
	text := hookCommand(c)
	return slices.ContainsFunc([]string{"quit", "QUIT", "USR1", "WINCH", "graceful"}, func(word string) bool { return strings.Contains(text, word) })
}

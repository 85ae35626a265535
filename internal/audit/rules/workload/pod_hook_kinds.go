package workload

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// onlySleeps are hooks that do nothing else.
var onlySleeps = regexp.MustCompile(`^(\S*sh -e?c )?\S*sleep [0-9.]+[smh]?$`)

func checkHookWithoutShell(p *rule.Pass) {
	for s, w := range All(p) {
		for _, c := range w.Containers {
			words := c.PreStop.Get("exec", "command").List()
			if len(words) == 0 || !shellless(c) || !slices.Contains([]string{"sh", "bash", "ash", "dash", "sleep"}, path.Base(words[0].Text())) {
				continue
			}
			f := rule.Finding{
				Node: words[0], Service: s,
				Message: fmt.Sprintf("the image %s has no %s: the hook fails, and SIGTERM follows at once", c.Image, words[0].Text()),
			}
			if c.Sleep.Written() && onlySleeps.MatchString(hookCommand(c)) && !p.BeforeSleep() {
				f.Fix = rule.Mend("let the kubelet sleep", edit.Replace(c.PreStop.Get("exec"), wait(p, c, c.Sleep.V)))
			}
			p.Report(f)
		}
	}
}

// shellless reports whether it is known that c's image has no shell.
func shellless(c *kube.Container) bool {
	name, tag := c.ImageName()
	from := strings.TrimSuffix(c.Image, "/"+name+":"+tag)
	switch {
	case strings.Contains(tag, "debug") || tag == "dev" || strings.HasSuffix(tag, "-dev"):
		return false
	case strings.Contains(c.Image, "/distroless/"), strings.Contains(name, "distroless"), strings.Contains(tag, "distroless"), strings.Contains(tag, "chiseled"):
		return true
	case strings.HasPrefix(from, "cgr.dev/"), strings.HasPrefix(c.Image, "chainguard/"):
		return !slices.Contains([]string{"wolfi-base", "chainguard-base", "bash", "busybox", "go", "git", "sdk"}, name)
	}
	return name == "scratch"
}

func checkSleepVersion(p *rule.Pass) {
	if !p.BeforeSleep() {
		return
	}
	for s, w := range All(p) {
		for _, c := range w.Containers {
			n := c.PreStop.Get("sleep")
			if !n.Exists() {
				continue
			}
			f := rule.Finding{
				Node: n, Service: s,
				Message:    "the oldest cluster does not know preStop.sleep",
				Arithmetic: fmt.Sprintf("kubernetes.min_version %s < 1.30", p.Policy.Kubernetes.MinVersion),
			}
			if wait := wait(p, c, c.Sleep.V); c.Sleep.Written() && wait.Key != "" {
				f.Fix = rule.Mend("let the command sleep wait", edit.Replace(n, wait))
			}
			p.Report(f)
		}
	}
}

// fronts are images of proxies that stand before the other containers of a pod.
var fronts = []string{"nginx", "nginx-unprivileged", "haproxy", "oauth2-proxy", "caddy", "traefik", "kube-rbac-proxy"}

func proxy(c *kube.Container) bool {
	name, _ := c.ImageName()
	return c.Mesh() || slices.Contains(fronts, name)
}

func checkUnevenHooks(p *rule.Pass) {
	for s, w := range Web(p) {
		var waits *kube.Container
		for _, c := range w.Containers {
			if !c.Sidecar && c.Sleep.Written() && c.Sleep.V > 0 && (waits == nil || c.Sleep.V > waits.Sleep.V) {
				waits = c
			}
		}
		if waits == nil || s.Needs.LameDuck {
			continue
		}
		serving := w.Serving()
		for _, c := range w.Containers {
			early := c.PreStop == nil && (slices.Contains(serving, c) || proxy(c) || slices.Contains(serving, waits) && proxy(waits) && !agent(c)) ||
				c.Sleep.Written() && proxy(c) && c.Sleep.V < waits.Sleep.V
			if c.Sidecar || c == waits || !early {
				continue
			}
			f := rule.Finding{
				Node: c.Node, Service: s,
				Message:    fmt.Sprintf("container %s stops while %s still serves", c.Name, waits.Name),
				Arithmetic: fmt.Sprintf("preStop %s of %s < preStop %s of %s", value.Seconds(c.Sleep.V), c.Name, value.Seconds(waits.Sleep.V), waits.Name),
			}
			if c.PreStop == nil {
				f.Fix = addHook(p, s, w, []*kube.Container{c}, waits.Sleep.V)
			} else {
				f.Node = c.Sleep.At(c.Node)
				f.Fix = rule.Mend("let the hook sleep "+value.Seconds(rule.UpToSecond(waits.Sleep.V)), resleep(c.Sleep, waits.Sleep.V))
			}
			p.Report(f)
		}
	}
}

// agent reports whether a container ships logs or metrics: requests do not need
// it.
func agent(c *kube.Container) bool {
	name, _ := c.ImageName()
	for _, word := range []string{"fluent", "log", "exporter", "agent", "collector", "vector", "telegraf", "filebeat", "promtail", "reloader", "sync"} {
		if strings.Contains(name, word) || strings.Contains(c.Name, word) {
			return true
		}
	}
	return false
}

// stops are words of hooks that make a proxy close its ports.
var stops = []string{"quit", "drain", "stop", "shutdown", "kill", "exit"}

func checkSidecarHook(p *rule.Pass) {
	for s, w := range Web(p) {
		for _, c := range w.Containers {
			if !c.Sidecar || c.PreStop == nil || c.Sleep.Written() || !proxy(c) {
				continue
			}
			text := c.PreStop.Get("httpGet", "path").Text() + hookCommand(c)
			if !slices.ContainsFunc(stops, func(word string) bool { return strings.Contains(text, word) }) {
				continue
			}
			p.Report(rule.Finding{
				Node: c.PreStop, Service: s,
				Message: fmt.Sprintf("the hook of sidecar %s runs beside the hooks of the other containers, not after them", c.Name),
				Fix:     rule.Ask("what shall become of the hook?", rule.Choice{Title: "remove it", Edits: edit.Remove(c.PreStop)}),
			})
		}
	}
}

// hookCommand is the command of c's hook, its words apart by a space; empty
// without one.
func hookCommand(c *kube.Container) string {
	var words []string
	for _, word := range c.PreStop.Get("exec", "command").List() {
		words = append(words, word.Text())
	}
	return strings.Join(words, " ")
}

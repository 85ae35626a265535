package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
)

// onlySleeps are hooks that do nothing else.
var onlySleeps = regexp.MustCompile(`^(\S*sh -e?c )?\S*sleep [0-9.]+[smh]?$`)

func checkHookWithoutShell(p *Pass) {
	for s, w := range p.kube() {
		for _, c := range w.Containers {
			words := c.PreStop.Get("exec", "command").List()
			if len(words) == 0 || !shellless(c) || !slices.Contains([]string{"sh", "bash", "ash", "dash", "sleep"}, path.Base(words[0].Text())) {
				continue
			}
			f := Finding{
				Node: words[0], Service: s,
				Message: fmt.Sprintf("the image %s has no %s: the hook fails, and SIGTERM follows at once", c.Image, words[0].Text()),
			}
			if c.Sleep.Written() && onlySleeps.MatchString(hookCommand(c)) && !p.BeforeSleep() {
				f.Fix = change("let the kubelet sleep", edit.Replace(c.PreStop.Get("exec"), p.wait(c, c.Sleep.V)))
			}
			p.Report(f)
		}
	}
}

// shellless reports whether it is known that c's image has no shell.
func shellless(c *model.Container) bool {
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

func checkSleepVersion(p *Pass) {
	if !p.BeforeSleep() {
		return
	}
	for s, w := range p.kube() {
		for _, c := range w.Containers {
			n := c.PreStop.Get("sleep")
			if !n.Exists() {
				continue
			}
			f := Finding{
				Node: n, Service: s,
				Message:    "the oldest cluster does not know preStop.sleep",
				Arithmetic: fmt.Sprintf("kubernetes.min_version %s < 1.30", p.Policy.Kubernetes.MinVersion),
			}
			if wait := p.wait(c, c.Sleep.V); c.Sleep.Written() && wait.Key != "" {
				f.Fix = change("let the command sleep wait", edit.Replace(n, wait))
			}
			p.Report(f)
		}
	}
}

// fronts are images of proxies that stand before the other containers of a pod.
var fronts = []string{"nginx", "nginx-unprivileged", "haproxy", "oauth2-proxy", "caddy", "traefik", "kube-rbac-proxy"}

func proxy(c *model.Container) bool {
	name, _ := c.ImageName()
	return c.Mesh() || slices.Contains(fronts, name)
}

func checkUnevenHooks(p *Pass) {
	for s, w := range p.kubeWeb() {
		var waits *model.Container
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
			f := Finding{
				Node: c.Node, Service: s,
				Message:    fmt.Sprintf("container %s stops while %s still serves", c.Name, waits.Name),
				Arithmetic: fmt.Sprintf("preStop %s of %s < preStop %s of %s", model.Seconds(c.Sleep.V), c.Name, model.Seconds(waits.Sleep.V), waits.Name),
			}
			if c.PreStop == nil {
				f.Fix = p.addHook(s, w, []*model.Container{c}, waits.Sleep.V)
			} else {
				f.Node = c.Sleep.At(c.Node)
				f.Fix = change("let the hook sleep "+model.Seconds(upToSecond(waits.Sleep.V)), resleep(c.Sleep, waits.Sleep.V))
			}
			p.Report(f)
		}
	}
}

// agent reports whether a container ships logs or metrics: requests do not need
// it.
func agent(c *model.Container) bool {
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

func checkSidecarHook(p *Pass) {
	for s, w := range p.kubeWeb() {
		for _, c := range w.Containers {
			if !c.Sidecar || c.PreStop == nil || c.Sleep.Written() || !proxy(c) {
				continue
			}
			text := c.PreStop.Get("httpGet", "path").Text() + hookCommand(c)
			if !slices.ContainsFunc(stops, func(word string) bool { return strings.Contains(text, word) }) {
				continue
			}
			p.Report(Finding{
				Node: c.PreStop, Service: s,
				Message: fmt.Sprintf("the hook of sidecar %s runs beside the hooks of the other containers, not after them", c.Name),
				Fix:     asks("what shall become of the hook?", Choice{Title: "remove it", Edits: edit.Remove(c.PreStop)}),
			})
		}
	}
}

// hookCommand is the command of c's hook, its words apart by a space; empty
// without one.
func hookCommand(c *model.Container) string {
	var words []string
	for _, word := range c.PreStop.Get("exec", "command").List() {
		words = append(words, word.Text())
	}
	return strings.Join(words, " ")
}

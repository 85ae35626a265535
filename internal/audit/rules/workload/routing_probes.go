package workload

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// probeRules are the rules of the probes that decide whether a pod is sent to.
var probeRules = []*rule.Rule{
	{
		ID: "EK-K8S-020", Severity: rule.Error, Autofix: rule.Guided, Surface: "Kubernetes pod template",
		Title: "a pod behind a Service has no readinessProbe",
		Why: "A pod counts as ready as soon as its containers run. At each scale-out and each rollout users' requests reach a program that is still starting, " +
			"and the rollout stops an old pod for each of them.",
		Fix:     "Add a readinessProbe of the endpoint that says whether requests are welcome: periodSeconds 5, failureThreshold 2.",
		Sources: []string{"Kubernetes documentation: configure liveness, readiness and startup probes"},
		Check:   checkNoReadiness,
	},
	{
		ID: "EK-K8S-021", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Kubernetes pod template",
		Title: "liveness asks what readiness asks, and gives up as soon",
		Why: "An instance that says \"not ready\" because it is busy, or is being drained by hand, is restarted for it, and its sessions and requests are cut. " +
			"A liveness probe that waits clearly longer than the readiness probe is left alone.",
		Fix:     "Let liveness ask an endpoint of its own, which fails only if a restart helps, or give it a higher failureThreshold.",
		Sources: []string{"Kubernetes documentation: liveness, readiness and startup probes, caution on liveness probes"},
		Check:   checkSameProbe,
	},
}

func checkNoReadiness(p *rule.Pass) {
	for s, w := range Web(p) {
		all := w.Serving()
		probed := func(c *kube.Container) bool {
			return c.Node.Get("readinessProbe").Exists() || c.Node.Get("startupProbe").Exists()
		}
		if len(all) == 0 || slices.ContainsFunc(all, probed) || len(w.Pod.Get("readinessGates").List()) > 0 {
			continue
		}
		c := all[0]
		p.Report(rule.Finding{
			Node: c.Node, Service: s, Message: fmt.Sprintf("container %s gets requests before it has started to listen", c.Name),
			Fix: rule.Ask("what shall say that the program is ready?", readiness(w, c)...),
		})
	}
}

// readiness are the probes to choose from for the port that a Service leads to.
func readiness(w *kube.Workload, c *kube.Container) (all []rule.Choice) {
	port := portOf(w)
	if port == "" {
		return nil
	}
	every := []edit.Entry{{Key: "periodSeconds", Value: "5"}, {Key: "failureThreshold", Value: "2"}}
	probe := func(title string, kind edit.Entry) {
		e := edit.Entry{Key: "readinessProbe", Children: append([]edit.Entry{kind}, every...)}
		all = append(all, rule.Choice{Title: title, Edits: edit.Insert(c.Node, e)})
	}
	probe("an endpoint /readyz, which the program has", edit.Entry{Key: "httpGet", Children: []edit.Entry{{Key: "path", Value: "/readyz"}, {Key: "port", Value: port}}})
	probe("that it listens", rule.Under(port, "tcpSocket", "port"))
	return all
}

// portOf is the port that a Service leads to, by name or number; empty if none
// says so.
func portOf(w *kube.Workload) string {
	for _, k := range w.Services {
		for _, p := range k.Ports {
			switch {
			case p.Target != "":
				return p.Target
			case p.Number != 0:
				return strconv.Itoa(p.Number)
			}
		}
	}
	return ""
}

func checkSameProbe(p *rule.Pass) {
	for s, w := range Web(p) {
		for _, c := range w.Serving() {
			ready, live := c.Node.Get("readinessProbe"), c.Node.Get("livenessProbe")
			asked, patience := endpoint(ready, c), patienceOf(ready)
			own := patienceOf(live)
			if asked == "" || asked != endpoint(live, c) || patience == 0 || own == 0 || own > patience {
				continue
			}
			p.Report(rule.Finding{
				Node: live, Service: s, Message: fmt.Sprintf("container %s is restarted as soon as it says that it is not ready", c.Name),
				Arithmetic: fmt.Sprintf("livenessProbe %d s <= readinessProbe %d s of %s", own, patience, asked),
				Fix: rule.Ask("what shall liveness do?",
					rule.Choice{Title: "wait three times as long", Edits: rule.Put(live, strconv.Itoa(threshold(live, 3*patience)), "failureThreshold")}),
			})
		}
	}
}

// endpoint is what a probe asks over HTTP; empty if it asks in another way, or
// that is not decided.
func endpoint(probe *tree.Node, c *kube.Container) string {
	get := probe.Get("httpGet")
	path, port := get.Get("path").Text(), get.Get("port").Text()
	if port == "" || get.Get("path") != nil && path == "" {
		return ""
	}
	for _, p := range c.Ports {
		if p.Name == port {
			port = strconv.Itoa(p.Number)
		}
	}
	if path == "" {
		path = "/"
	}
	return ":" + port + path
}

// patienceOf is for how many seconds a probe may fail; 0 if that is not decided.
func patienceOf(probe *tree.Node) int {
	every, times := value.Int(probe.Get("periodSeconds"), value.Of("", 10)), value.Int(probe.Get("failureThreshold"), value.Of("", 3))
	if !every.Known() || !times.Known() {
		return 0
	}
	return every.V * times.V
}

// threshold is the failureThreshold with which a probe has patience for that
// many seconds at least.
func threshold(probe *tree.Node, seconds int) int {
	every := max(1, value.Int(probe.Get("periodSeconds"), value.Of("", 10)).V)
	return (seconds + every - 1) / every
}

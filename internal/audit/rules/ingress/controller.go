package ingress

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
	"github.com/evenkeel/evenkeel/internal/policy"
)

var controllerRules = []*rule.Rule{
	{
		ID: "EK-ING-009", Severity: rule.Error, Autofix: rule.Safe, Surface: "ingress-nginx controller",
		Title: "The controller is killed before its workers may finish",
		Why: "When a pod of the controller leaves, its workers may take worker-shutdown-timeout for the requests and web sockets that they still have. " +
			"A shorter grace period cuts these for all services behind it.",
		Fix:     "Set terminationGracePeriodSeconds to 300, as the project's chart does, or lower worker-shutdown-timeout.",
		Sources: []string{"ingress-nginx user guide: ConfigMap worker-shutdown-timeout 240s; command line --shutdown-grace-period 0, --post-shutdown-grace-period 10"},
		Check:   checkControllerGrace,
	},
	{
		ID: "EK-ING-010", Severity: rule.Warn, Autofix: rule.Guided, Surface: "ingress-nginx ConfigMap",
		Title: "worker-shutdown-timeout is shorter than the streams behind the controller",
		Why: "At each reload the old workers are ended after this time. Streams and web sockets that last longer are cut, " +
			"whenever an Ingress of anybody changes.",
		Fix:     "Set worker-shutdown-timeout to the longest stream or more, and the controller's grace period with it.",
		Sources: []string{"ingress-nginx user guide: ConfigMap worker-shutdown-timeout"},
		Check:   checkWorkerTimeout,
	},
}

// chartGrace is what ingress-nginx's chart sets.
const chartGrace = 300 * 1e9

func checkControllerGrace(p *rule.Pass) {
	for _, c := range p.Kube.NginxControllers() {
		s := p.Of(c.Workload)
		sum := c.BeforeShutdown.V + c.WorkerShutdown.V + c.PostShutdown.V
		if !s.Grace.Known() || !c.BeforeShutdown.Known() || !c.WorkerShutdown.Known() || !c.PostShutdown.Known() || s.Grace.V >= sum {
			continue
		}
		want := max(sum+policy.Margin(sum), chartGrace)
		p.Report(rule.Finding{
			Node: s.Grace.At(s.Node), Service: s,
			Message:    fmt.Sprintf("the controller is killed after %s, its workers may take %s", value.Seconds(s.Grace.V), value.Seconds(sum)),
			Arithmetic: fmt.Sprintf("%s + %s + %s = %s > %s", c.BeforeShutdown, c.WorkerShutdown, c.PostShutdown, value.Seconds(sum), s.Grace),
			Fix:        rule.Mend("set terminationGracePeriodSeconds to "+rule.WholeSeconds(want), workload.SetGrace(c.Workload, want)),
		})
	}
}

func checkWorkerTimeout(p *rule.Pass) {
	longest := longestStream(p)
	if longest == nil {
		return
	}
	for _, o := range p.Kube.Objects {
		if o.Kind != "ConfigMap" {
			continue
		}
		timeout := kube.NginxTime(o.Root.Get("data", "worker-shutdown-timeout"), value.Value[time.Duration]{Name: "worker-shutdown-timeout"})
		if !timeout.Written() || timeout.V >= longest.Needs.Streams.D {
			continue
		}
		want := rule.WholeSeconds(longest.Needs.Streams.D) + "s"
		p.Report(rule.Finding{
			Node: timeout.Node, Service: longest, Subject: o.String(),
			Message:    fmt.Sprintf("a reload of the controller cuts the streams of %s", longest),
			Arithmetic: fmt.Sprintf("%s < streams %s", timeout, longest.Needs.Streams),
			Fix:        rule.Ask("give the workers more time", rule.Choice{Title: "set worker-shutdown-timeout to " + want, Edits: rule.Put(o.Root.Get("data"), want, "worker-shutdown-timeout")}),
		})
	}
}

// longestStream is the service behind ingress-nginx with the longest streams
// that are stated; nil: none.
func longestStream(p *rule.Pass) (longest *model.Service) {
	nginxIngresses(p, func(i *kube.Ingress) {
		for _, w := range i.Workloads {
			if s := p.Of(w); s.Needs.Streams.Stated && (longest == nil || s.Needs.Streams.D > longest.Needs.Streams.D) {
				longest = s
			}
		}
	})
	return longest
}

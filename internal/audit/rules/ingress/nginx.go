package ingress

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
)

// ingressRules are the rules of Ingresses: those that ingress-nginx reads, its
// controller, and those of the AWS Load Balancer Controller.
var ingressRules = slices.Concat(affinityRules, controllerRules, albRules)

const nginxAnnotations = "ingress-nginx user guide: annotations, session affinity"

var affinityRules = []*rule.Rule{
	{
		ID: "EK-ING-001", Severity: rule.Error, Autofix: rule.Guided, Surface: "Ingress of ingress-nginx",
		Title: "Sessions are in memory, but users are not kept with a pod",
		Why: "ingress-nginx sends each request to the next pod. A session that is in the memory of one pod is unknown to the others: " +
			"users are signed out and in again as they click.",
		Fix:      "Keep the sessions outside; or set affinity: cookie and affinity-mode: persistent.",
		Sources:  []string{nginxAnnotations},
		YieldsTo: []string{"EK-ING-005"},
		Check:    checkNginxAffinity,
	},
	{
		ID: "EK-ING-002", Severity: rule.Error, Autofix: rule.Safe, Surface: "Ingress of ingress-nginx",
		Title: "affinity-mode balanced moves sessions when pods are added",
		Why: "In the mode balanced, which is the default, ingress-nginx gives some of the cookies to new pods at every scale-out. " +
			"Sessions in memory stay on the old pod, so these users are signed out although no pod has gone.",
		Fix:     "Set affinity-mode: persistent.",
		Sources: []string{nginxAnnotations + ": affinity-mode"},
		Check:   checkNginxMode,
	},
	{
		ID: "EK-ING-003", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Ingress of ingress-nginx",
		Title: "The affinity cookie ends before the session",
		Why: "The cookie is written once and not extended. When it is gone the next request goes to any pod. " +
			"Where the session is in the memory of the pod before, the user has lost it although it has not timed out.",
		Fix:     "Leave session-cookie-max-age and session-cookie-expires out, or set them to the session timeout or more.",
		Sources: []string{nginxAnnotations + ": session-cookie-max-age, session-cookie-expires", "ingress-nginx: rootfs/etc/nginx/lua/balancer/sticky.lua, set_cookie"},
		Check:   checkNginxCookieAge,
	},
	{
		ID: "EK-ING-004", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Ingress of ingress-nginx",
		Title: "The affinity cookie is kept when its pod fails",
		Why: "Without session-cookie-change-on-failure a request that has failed is tried again at the same pod, by the cookie. " +
			"Until the controller has heard that the pod is gone, all requests of its users end with 502, whatever other pods there are.",
		Fix:     "Set session-cookie-change-on-failure: \"true\".",
		Sources: []string{nginxAnnotations + ": session-cookie-change-on-failure, default false", "ingress-nginx: rootfs/etc/nginx/lua/balancer/sticky.lua, balance"},
		Check:   checkNginxChange,
	},
	{
		ID: "EK-ING-005", Severity: rule.Error, Autofix: rule.Safe, Surface: "Ingresses of one host",
		Title: "Only some Ingresses of one host keep users with a pod",
		Why: "ingress-nginx keeps users with a pod only on the paths of Ingresses that ask for it; on the others requests go to any pod. " +
			"A user with a session in memory loses it from one path to the next. " +
			"This is a warning where the other path leads to another service, of which nothing says where its sessions are.",
		Fix:     "Give all Ingresses of the host the same affinity annotations and the same session-cookie-name.",
		Sources: []string{nginxAnnotations + ": several Ingresses for one host"},
		Check:   checkNginxHost,
	},
	{
		ID: "EK-ING-006", Severity: rule.Error, Autofix: rule.Safe, Surface: "Ingress of ingress-nginx",
		Title: "use-regex with an affinity cookie that has no path",
		Why: "The cookie gets the path of the rule, which is a regular expression here. No browser sends it back, " +
			"and every request goes to any pod.",
		Fix:     "Set session-cookie-path: /.",
		Sources: []string{nginxAnnotations + ": session-cookie-path is required with use-regex", "ingress-nginx: rootfs/etc/nginx/lua/balancer/sticky.lua, set_cookie"},
		Check:   checkNginxRegex,
	},
	{
		ID: "EK-ING-007", Severity: rule.Warn, Autofix: rule.Safe, Surface: "Ingress of ingress-nginx",
		Title: "affinity-canary-behavior legacy lets users change between canary and stable",
		Why: "With legacy a user who has a cookie is drawn anew for the canary at each request, and meets two versions " +
			"and two sets of pods in one session.",
		Fix:     "Remove it, or set it to sticky, which is the default.",
		Sources: []string{nginxAnnotations + ": affinity-canary-behavior"},
		Check:   checkNginxCanary,
	},
	{
		ID: "EK-ING-008", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Ingress of ingress-nginx",
		Title: "Cookie affinity and upstream-hash-by on one Ingress",
		Why: "The controller has one balancer for a Service, and takes the cookie's: upstream-hash-by does nothing. " +
			"What it was to keep together, all users of one tenant say, is spread over the pods.",
		Fix:     "Keep one of them.",
		Sources: []string{"ingress-nginx: rootfs/etc/nginx/lua/balancer.lua, get_implementation"},
		Check:   checkNginxHash,
	},
	{
		ID: "EK-ING-012", Severity: rule.Info, Autofix: rule.No, Surface: "Ingress of ingress-nginx",
		Title: "ingress-nginx is retired",
		Why: "The project was maintained until March 2026. Errors in how it keeps and drains users will not be mended. " +
			"This is said once in a run.",
		Fix:     "Plan the way to a Gateway API implementation with sessionPersistence, or to another controller.",
		Sources: []string{"ingress-nginx README: retirement"},
		Check:   checkNginxRetired,
	},
}

// nginxIngresses are the Ingresses of ingress-nginx that are no canaries of
// others.
func nginxIngresses(p *rule.Pass, see func(*kube.Ingress)) {
	for _, i := range p.Kube.Ingresses {
		if i.Router == route.IngressNginx && !i.Canary() {
			see(i)
		}
	}
}

// about is the first workload's service, nil if there is none.
func about(p *rule.Pass, all []*kube.Workload) *model.Service {
	if len(all) == 0 {
		return nil
	}
	return p.Of(all[0])
}

// nginxNote writes an annotation of ingress-nginx.
func nginxNote(o *kube.Object, name, value string) []edit.Edit {
	return annotate(o, kube.NginxPrefix+name, value)
}

// annotate writes an annotation, which is always text.
func annotate(o *kube.Object, name, value string) []edit.Edit {
	if old := o.Annotation(name); old != nil {
		return edit.Set(old, value)
	}
	entry := edit.Entry{Key: name, Value: value, Text: true}
	if o.Annotations.Exists() {
		return edit.Insert(o.Annotations, entry)
	}
	return edit.Insert(o.Root.Get("metadata"), edit.Entry{Key: "annotations", Children: []edit.Entry{entry}})
}

func checkNginxAffinity(p *rule.Pass) {
	nginxIngresses(p, func(i *kube.Ingress) {
		s := workload.InMemory(p, i.Workloads)
		a := i.Nginx("affinity")
		if s == nil || i.Sticky() || a != nil && a.Unknown || i.Nginx("upstream-hash-by").Exists() {
			return
		}
		f := rule.Finding{Node: a, Service: s, Subject: i.String(), Message: fmt.Sprintf("%s keeps its sessions in memory (%s), and %s sends each request to any pod", s, s.Sessions.Source, i)}
		if f.Node == nil {
			f.Node = i.NameNode()
		}
		f.Fix = rule.Ask("keep users with a pod", rule.Choice{Title: "set affinity: cookie", Edits: nginxNote(i.Object, "affinity", "cookie")})
		p.Report(f)
	})
}

func checkNginxMode(p *rule.Pass) {
	nginxIngresses(p, func(i *kube.Ingress) {
		s := workload.InMemory(p, i.Workloads)
		mode := value.Text(i.Nginx("affinity-mode"), value.Of("affinity-mode", "balanced"))
		if s == nil || !i.Sticky() || !mode.Known() || mode.V != "balanced" {
			return
		}
		p.Report(rule.Finding{
			Node: mode.At(i.Nginx("affinity")), Service: s,
			Message: fmt.Sprintf("a scale-out of %s moves users away from the pod that has their session; %s", s, mode),
			Fix:     rule.Mend("set affinity-mode: persistent", nginxNote(i.Object, "affinity-mode", "persistent")),
		})
	})
}

package ingress

import (
	"bytes"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

func checkNginxCookieAge(p *rule.Pass) {
	nginxIngresses(p, func(i *kube.Ingress) {
		s := about(p, i.Workloads)
		if s == nil || !i.Sticky() || s.Sessions.Home == session.External || !s.Sessions.Timeout.Known() {
			return
		}
		timeout := s.Sessions.Timeout
		for _, name := range []string{"session-cookie-max-age", "session-cookie-expires"} {
			age := value.InSeconds(i.Nginx(name), value.Value[time.Duration]{Name: name})
			if !age.Written() || age.V <= 0 || age.V >= timeout.V {
				continue
			}
			want := rule.WholeSeconds(max(timeout.V, s.Sessions.Longest.V))
			p.Report(rule.Finding{
				Node: age.Node, Service: s,
				Message:    "the cookie that keeps users with their pod ends before their session does",
				Arithmetic: fmt.Sprintf("%s < session timeout %s", age, value.Seconds(timeout.V)),
				Fix:        rule.Mend("set "+name+" to "+want, edit.Set(age.Node, want)),
			})
		}
	})
}

func checkNginxChange(p *rule.Pass) {
	nginxIngresses(p, func(i *kube.Ingress) {
		on := value.Bool(i.Nginx("session-cookie-change-on-failure"), value.Of("session-cookie-change-on-failure", false))
		if !i.Sticky() || !on.Known() || on.V {
			return
		}
		p.Report(rule.Finding{
			Node: on.At(i.Nginx("affinity")), Subject: i.String(), Service: about(p, i.Workloads),
			Message: fmt.Sprintf("while the controller still knows a pod that has gone, all tries of its users' requests go there; %s", on),
			Fix:     rule.Mend("set session-cookie-change-on-failure: \"true\"", nginxNote(i.Object, "session-cookie-change-on-failure", "true")),
		})
	})
}

func checkNginxRegex(p *rule.Pass) {
	nginxIngresses(p, func(i *kube.Ingress) {
		if !i.Sticky() || i.Nginx("use-regex").Text() != "true" || i.Nginx("session-cookie-path").Exists() {
			return
		}
		p.Report(rule.Finding{
			Node: i.Nginx("use-regex"), Subject: i.String(), Service: about(p, i.Workloads),
			Message: fmt.Sprintf("the affinity cookie of %s has a regular expression as its path, and browsers do not send it", i),
			Fix:     rule.Mend("set session-cookie-path: /", nginxNote(i.Object, "session-cookie-path", "/")),
		})
	})
}

func checkNginxCanary(p *rule.Pass) {
	for _, i := range p.Kube.Ingresses {
		n := i.Nginx("affinity-canary-behavior")
		if i.Router != route.IngressNginx || n.Text() != "legacy" {
			continue
		}
		p.Report(rule.Finding{
			Node: n, Subject: i.String(), Service: about(p, i.Workloads),
			Message: "users with a cookie are drawn anew for the canary at each request",
			Fix:     rule.Mend("set affinity-canary-behavior: sticky", edit.Set(n, "sticky")),
		})
	}
}

func checkNginxHash(p *rule.Pass) {
	nginxIngresses(p, func(i *kube.Ingress) {
		hash := i.Nginx("upstream-hash-by")
		if !i.Sticky() || !hash.Exists() {
			return
		}
		p.Report(rule.Finding{
			Node: hash, Subject: i.String(), Service: about(p, i.Workloads),
			Message: fmt.Sprintf("%s is to choose the pod by cookie and by hash; the hash is ignored", i),
			Fix: rule.Ask("keep one of them",
				rule.Choice{Title: "remove upstream-hash-by", Edits: edit.Remove(hash)},
				rule.Choice{Title: "remove affinity", Edits: edit.Remove(i.Nginx("affinity"))}),
		})
	})
}

// renderedNote marks what evenkeel render wrote, as an annotation or in a
// comment.
const renderedNote = "evenkeel.dev/rendered"

func checkNginxRetired(p *rule.Pass) {
	for _, i := range p.Kube.Ingresses {
		if i.Router != route.IngressNginx || i.Annotation(renderedNote) != nil || bytes.Contains(i.Root.Doc.File.Data, []byte(renderedNote)) {
			continue
		}
		p.Report(rule.Finding{
			Node: i.NameNode(), Subject: i.String(), Service: about(p, i.Workloads),
			Message: "ingress-nginx is no longer maintained",
		})
		return
	}
}

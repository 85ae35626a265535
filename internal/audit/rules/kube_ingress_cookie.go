package rules

import (
	"bytes"
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
)

func checkNginxCookieAge(p *Pass) {
	p.nginxIngresses(func(i *model.Ingress) {
		s := about(i.Workloads)
		if s == nil || !i.Sticky() || s.Sessions.Home == model.External || !s.Sessions.Timeout.Known() {
			return
		}
		timeout := s.Sessions.Timeout
		for _, name := range []string{"session-cookie-max-age", "session-cookie-expires"} {
			age := model.InSeconds(i.Nginx(name), model.Value[model.Duration]{Name: name})
			if !age.Written() || age.V <= 0 || age.V >= timeout.V {
				continue
			}
			want := wholeSeconds(max(timeout.V, s.Sessions.Longest.V))
			p.Report(Finding{
				Node: age.Node, Service: s,
				Message:    "the cookie that keeps users with their pod ends before their session does",
				Arithmetic: fmt.Sprintf("%s < session timeout %s", age, model.Seconds(timeout.V)),
				Fix:        change("set "+name+" to "+want, edit.Set(age.Node, want)),
			})
		}
	})
}

func checkNginxChange(p *Pass) {
	p.nginxIngresses(func(i *model.Ingress) {
		on := model.Bool(i.Nginx("session-cookie-change-on-failure"), model.Of("session-cookie-change-on-failure", false))
		if !i.Sticky() || !on.Known() || on.V {
			return
		}
		p.Report(Finding{
			Node: on.At(i.Nginx("affinity")), Subject: i.String(), Service: about(i.Workloads),
			Message: fmt.Sprintf("while the controller still knows a pod that has gone, all tries of its users' requests go there; %s", on),
			Fix:     change("set session-cookie-change-on-failure: \"true\"", nginxNote(i.Object, "session-cookie-change-on-failure", "true")),
		})
	})
}

func checkNginxRegex(p *Pass) {
	p.nginxIngresses(func(i *model.Ingress) {
		if !i.Sticky() || i.Nginx("use-regex").Text() != "true" || i.Nginx("session-cookie-path").Exists() {
			return
		}
		p.Report(Finding{
			Node: i.Nginx("use-regex"), Subject: i.String(), Service: about(i.Workloads),
			Message: fmt.Sprintf("the affinity cookie of %s has a regular expression as its path, and browsers do not send it", i),
			Fix:     change("set session-cookie-path: /", nginxNote(i.Object, "session-cookie-path", "/")),
		})
	})
}

func checkNginxCanary(p *Pass) {
	for _, i := range p.Kube.Ingresses {
		n := i.Nginx("affinity-canary-behavior")
		if i.Router != model.IngressNginx || n.Text() != "legacy" {
			continue
		}
		p.Report(Finding{
			Node: n, Subject: i.String(), Service: about(i.Workloads),
			Message: "users with a cookie are drawn anew for the canary at each request",
			Fix:     change("set affinity-canary-behavior: sticky", edit.Set(n, "sticky")),
		})
	}
}

func checkNginxHash(p *Pass) {
	p.nginxIngresses(func(i *model.Ingress) {
		hash := i.Nginx("upstream-hash-by")
		if !i.Sticky() || !hash.Exists() {
			return
		}
		p.Report(Finding{
			Node: hash, Subject: i.String(), Service: about(i.Workloads),
			Message: fmt.Sprintf("%s is to choose the pod by cookie and by hash; the hash is ignored", i),
			Fix: asks("keep one of them",
				Choice{Title: "remove upstream-hash-by", Edits: edit.Remove(hash)},
				Choice{Title: "remove affinity", Edits: edit.Remove(i.Nginx("affinity"))}),
		})
	})
}

// renderedNote marks what evenkeel render wrote, as an annotation or in a
// comment.
const renderedNote = "evenkeel.dev/rendered"

func checkNginxRetired(p *Pass) {
	for _, i := range p.Kube.Ingresses {
		if i.Router != model.IngressNginx || i.Annotation(renderedNote) != nil || bytes.Contains(i.Root.Doc.File.Data, []byte(renderedNote)) {
			continue
		}
		p.Report(Finding{
			Node: i.NameNode(), Subject: i.String(), Service: about(i.Workloads),
			Message: "ingress-nginx is no longer maintained",
		})
		return
	}
}

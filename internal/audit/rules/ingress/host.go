package ingress

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/workload"
)

// checkNginxHost compares the Ingresses of one host.
func checkNginxHost(p *rule.Pass) {
	type host struct{ name, made string }
	all := map[host][]*kube.Ingress{}
	var order []host
	nginxIngresses(p, func(i *kube.Ingress) {
		hosts := slices.Compact(slices.Sorted(slices.Values(i.Hosts)))
		for _, name := range hosts {
			h := host{name, i.Root.Doc.File.Derived}
			if all[h] == nil {
				order = append(order, h)
			}
			all[h] = append(all[h], i)
		}
	})
	said := map[*kube.Ingress]bool{}
	for _, h := range order {
		sticky := slices.IndexFunc(all[h], (*kube.Ingress).Sticky)
		if h.name == "" || sticky < 0 {
			continue
		}
		for _, i := range all[h] {
			if !said[i] && differs(p, h.name, all[h][sticky], i) {
				said[i] = true
			}
		}
	}
}

// differs reports an Ingress i whose users are not kept as those of sticky are,
// on the same host.
func differs(p *rule.Pass, host string, sticky, i *kube.Ingress) bool {
	shared := i.Namespace == sticky.Namespace && slices.ContainsFunc(i.Backends, func(b string) bool { return slices.Contains(sticky.Backends, b) })
	f := rule.Finding{Subject: i.String(), Service: about(p, i.Workloads), Node: i.NameNode()}
	switch {
	case i == sticky || environments(sticky, i):
		return false
	case i.Sticky():
		name, other := i.CookieName(), sticky.CookieName()
		if !shared || !name.Known() || !other.Known() || name.V == other.V {
			return false
		}
		f.Node = name.At(i.NameNode())
		f.Message = fmt.Sprintf("%s and %s have different cookies for the same pods, so that a user has two pods on %s", sticky, i, host)
		f.Arithmetic = fmt.Sprintf("%s, beside %s", name, other)
		f.Fix = rule.Mend("set session-cookie-name: "+other.V, nginxNote(i.Object, "session-cookie-name", other.V))
	case !shared && !kept(p, i):
		return false
	default:
		if !shared && workload.InMemory(p, i.Workloads) == nil {
			f.Severity = rule.Warn
		}
		f.Message = fmt.Sprintf("%s keeps users of %s with a pod, and %s does not", sticky, host, i)
		f.Fix = rule.Mend("give it the same affinity", likeSticky(i.Object, sticky)...)
	}
	p.Report(f)
	return true
}

// kept reports whether a session may matter on i's paths: users reach its
// workloads, and they are not known to keep sessions outside.
func kept(p *rule.Pass, i *kube.Ingress) bool {
	return slices.ContainsFunc(i.Workloads, func(w *kube.Workload) bool { return p.Of(w).Sessions.Home != session.External })
}

// environments reports whether two Ingresses are the same one in two
// environments: they have one name and namespace.
func environments(a, b *kube.Ingress) bool { return a.Name == b.Name && a.Namespace == b.Namespace }

// affinityNotes are the annotations that make one affinity of two Ingresses'.
var affinityNotes = []string{"affinity", "affinity-mode", "session-cookie-change-on-failure", "session-cookie-name"}

// likeSticky copies the affinity of an Ingress.
func likeSticky(o *kube.Object, from *kube.Ingress) (parts [][]edit.Edit) {
	all := edit.Entry{Key: "annotations", OneLine: true}
	for _, name := range affinityNotes {
		n := from.Nginx(name)
		if n.Text() == "" || o.Annotation(kube.NginxPrefix+name).Text() == n.Value {
			continue
		}
		if o.Annotations.Exists() {
			parts = append(parts, nginxNote(o, name, n.Value))
		} else {
			all.Children = append(all.Children, edit.Entry{Key: kube.NginxPrefix + name, Value: n.Value, Text: true})
		}
	}
	switch {
	case len(all.Children) > 0:
		return [][]edit.Edit{edit.Insert(o.Root.Get("metadata"), all)}
	case len(parts) > 3:
		return [][]edit.Edit{nil} // more than a fix may change
	}
	return parts
}

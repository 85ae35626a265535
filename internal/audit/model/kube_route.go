package model

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Prefixes of annotations that the controllers read.
const (
	NginxPrefix = "nginx.ingress.kubernetes.io/"
	ALBPrefix   = "alb.ingress.kubernetes.io/"
)

// Windows are how long routers may go on sending, the policy's. What files do
// not tell the kind of is taken for one that is as quick as kube-proxy.
var Windows = map[RouterKind]Duration{
	KubeProxy: policy.Windows[policy.KubeProxy], IngressNginx: policy.Windows[policy.IngressNginx], GatewayAPI: policy.Windows[policy.GatewayAPI],
	AWSController: policy.Windows[policy.AWSController], Eureka: policy.Windows[policy.Eureka],
	OtherIngress: policy.Windows[policy.KubeProxy], LoadBalancer: policy.Windows[policy.KubeProxy],
}

func newIngress(o *Object) *Ingress {
	i := &Ingress{Object: o, Router: ingressRouter(o)}
	spec := o.Spec()
	add := func(backend *tree.Node) {
		for _, n := range []*tree.Node{backend.Get("service", "name"), backend.Get("serviceName")} {
			if n.Text() != "" {
				i.Backends = append(i.Backends, n.Text())
			}
		}
	}
	add(spec.Get("defaultBackend"))
	add(spec.Get("backend"))
	for _, r := range spec.Get("rules").List() {
		i.Hosts = append(i.Hosts, r.Get("host").Text())
		for _, p := range r.Get("http", "paths").List() {
			add(p.Get("backend"))
		}
	}
	if i.Router == AWSController {
		for _, f := range i.Forwards() {
			i.Backends = append(i.Backends, f.Services...)
		}
	}
	return i
}

// ingressRouter tells the controller by the class, or else by whose annotations
// there are.
func ingressRouter(o *Object) RouterKind {
	class := o.Spec().Get("ingressClassName").Text()
	if class == "" {
		class = o.Annotation("kubernetes.io/ingress.class").Text()
	}
	switch {
	case class == "alb" || strings.HasPrefix(class, "alb-"):
		return AWSController
	case strings.Contains(class, "nginx") && !o.hasNote("nginx.org/"):
		return IngressNginx
	case class != "":
		return OtherIngress
	}
	switch {
	case o.hasNote(ALBPrefix):
		return AWSController
	case o.hasNote(NginxPrefix):
		return IngressNginx
	}
	return OtherIngress
}

// hasNote reports whether an annotation's name begins so. Those of nginx.org/
// are of another controller than ingress-nginx, with the same class.
func (o *Object) hasNote(prefix string) bool {
	return slices.ContainsFunc(o.Annotations.Fields(), func(a *tree.Node) bool { return strings.HasPrefix(a.Key, prefix) })
}

func newRoute(o *Object) *HTTPRoute {
	r := &HTTPRoute{Object: o}
	for _, h := range o.Spec().Get("hostnames").List() {
		r.Hosts = append(r.Hosts, h.Text())
	}
	for _, rule := range o.Spec().Get("rules").List() {
		one := RouteRule{Node: rule}
		for _, b := range rule.Get("backendRefs").List() {
			if kind := b.Get("kind").Text(); kind == "" || kind == "Service" {
				one.Backends = append(one.Backends, b.Get("name").Text())
			}
		}
		r.Rules = append(r.Rules, one)
	}
	return r
}

// routers are what sends to w's pods. An Ingress controller and a Gateway use
// the endpoints, not the Service's address, so that kube-proxy counts only
// where a Service is used by itself.
func (w *Workload) routers() (all []*Router) {
	add := func(kind RouterKind, n *tree.Node) {
		all = append(all, &Router{Kind: kind, Node: n, Window: Windows[kind]})
	}
	for _, i := range w.Ingresses {
		kind := i.Router
		if kind == AWSController && !i.targets(w) {
			kind = KubeProxy
		}
		add(kind, i.NameNode())
	}
	for _, r := range w.Routes {
		add(GatewayAPI, r.NameNode())
	}
	for _, s := range w.Services {
		switch {
		case s.Type == "LoadBalancer":
			add(LoadBalancer, s.NameNode())
		case !s.Headless:
			add(KubeProxy, s.NameNode())
		}
	}
	return all
}

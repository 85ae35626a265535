package kube

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Prefixes of annotations that the controllers read.
const (
	NginxPrefix = "nginx.ingress.kubernetes.io/"
	ALBPrefix   = "alb.ingress.kubernetes.io/"
)

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
	if i.Router == route.AWSController {
		for _, f := range i.Forwards() {
			i.Backends = append(i.Backends, f.Services...)
		}
	}
	return i
}

// ingressRouter tells the controller by the class, or else by whose annotations
// there are.
func ingressRouter(o *Object) route.Kind {
	class := o.Spec().Get("ingressClassName").Text()
	if class == "" {
		class = o.Annotation("kubernetes.io/ingress.class").Text()
	}
	switch {
	case class == "alb" || strings.HasPrefix(class, "alb-"):
		return route.AWSController
	case strings.Contains(class, "nginx") && !o.hasNote("nginx.org/"):
		return route.IngressNginx
	case class != "":
		return route.OtherIngress
	}
	switch {
	case o.hasNote(ALBPrefix):
		return route.AWSController
	case o.hasNote(NginxPrefix):
		return route.IngressNginx
	}
	return route.OtherIngress
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

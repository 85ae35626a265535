package kube

import (
	"slices"
	"strconv"
	"strings"
)

// webNames are names of ports that speak HTTP, as a word of the name.
var webNames = []string{"http", "https", "web", "grpc", "h2c", "ui", "api", "ws", "wss", "websocket", "http2", "frontend"}

// asideNames are names of ports that users' requests do not come by.
var asideNames = []string{"metrics", "exporter", "prometheus", "monitoring", "health", "healthz", "probe", "probes", "webhook", "webhooks", "management", "mgmt",
	"debug", "pprof", "jmx", "peer", "gossip", "cluster", "raft", "dns", "ldap", "smtp", "ssh"}

// storeNames are names of ports of stores and brokers.
var storeNames = []string{"amqp", "redis", "mysql", "postgres", "postgresql", "mongo", "mongodb", "kafka", "broker"}

// storePorts are those that stores and brokers are known by.
var storePorts = []int{1433, 1521, 2181, 2379, 3306, 5432, 5672, 6379, 9042, 9092, 9300, 11211, 26379, 27017}

// Web reports whether users' requests reach the workload: an Ingress or a route
// leads to it, or a Service of it has a port that is named or numbered as
// HTTP's are, or is a balancer's. Stores, brokers, monitoring and other people's
// tools are not, whatever leads to them; workers, operators, and what only the
// API server calls are not either.
func (w *Workload) Web() bool {
	switch {
	case w.Kind == "Pod" || w.infrastructure():
		return false
	case len(w.Ingresses) > 0 || len(w.Routes) > 0:
		return true
	case w.helper():
		return false
	}
	return slices.ContainsFunc(w.Services, func(s *Service) bool {
		return s.reached() && (w.Kind != "DaemonSet" || s.Type == "LoadBalancer")
	})
}

// MayServe reports whether users' requests reach the workload as far as files
// tell: Web, or it has a port that speaks HTTP or a hook that waits, and
// whether something leads to it stands elsewhere.
func (w *Workload) MayServe() bool {
	if len(w.Services) > 0 || len(w.Ingresses) > 0 || len(w.Routes) > 0 {
		return w.Web()
	}
	if w.Kind == "Pod" || w.Kind == "DaemonSet" || w.infrastructure() || w.helper() {
		return false
	}
	return slices.ContainsFunc(w.Containers, func(c *Container) bool {
		return c.Sleep.Written() || slices.ContainsFunc(c.Ports, Port.web)
	})
}

// Serving are the containers that listen on a port that a Service leads to; if
// none says so, the only one there is that is not a sidecar.
func (w *Workload) Serving() (all []*Container) {
	var apps []*Container
	for _, c := range w.Containers {
		if slices.ContainsFunc(w.Services, c.behind) {
			all = append(all, c)
		}
		if !c.Sidecar && !c.Mesh() {
			apps = append(apps, c)
		}
	}
	if len(all) == 0 && len(apps) == 1 {
		return apps
	}
	return all
}

// behind reports whether s leads to a port that c says it listens on.
func (c *Container) behind(s *Service) bool {
	return slices.ContainsFunc(s.Ports, func(p Port) bool {
		return !p.aside() && slices.ContainsFunc(c.Ports, p.leadsTo)
	})
}

// leadsTo reports whether the port of a Service leads to a container's port.
func (p Port) leadsTo(c Port) bool {
	if p.Target == "" {
		return p.Number != 0 && p.Number == c.Number
	}
	return p.Target == c.Name || p.Target == strconv.Itoa(c.Number)
}

// reached reports whether users' requests come by s.
func (s *Service) reached() bool {
	if s.Headless || s.APIServer || s.Type == "ExternalName" || hasWord(s.Name, "metrics", "webhook", "exporter", "headless") {
		return false
	}
	if slices.ContainsFunc(s.Ports, Port.store) {
		return false // what else it has is for its administrators
	}
	return slices.ContainsFunc(s.Ports, func(p Port) bool { return p.web() || s.Type == "LoadBalancer" && !p.aside() })
}

// store reports whether the port is one of a store or broker.
func (p Port) store() bool {
	return slices.Contains(storePorts, p.Number) || hasWord(p.Name, storeNames...) || hasWord(p.App, storeNames...)
}

// Routed reports whether routers send users' requests to the Service's
// endpoints: it is of use to an Ingress or a route, or to a workload that users
// reach.
func (s *Service) Routed() bool {
	return s.Fronted || s.reached() && slices.ContainsFunc(s.Workloads, (*Workload).Web)
}

func (p Port) web() bool {
	switch {
	case p.aside():
		return false
	case strings.HasPrefix(p.App, "kubernetes.io/"), hasWord(p.App, webNames...), hasWord(p.Name, webNames...), p.Number == 80, p.Number == 443:
		return true
	}
	return p.Name == "" && p.App == "" && slices.Contains([]int{8080, 8443, 8000, 3000, 5000}, p.Number)
}

// aside reports whether users' requests do not come by the port.
func (p Port) aside() bool {
	return p.Node.Get("protocol").Text() == "UDP" || hasWord(p.Name, asideNames...) || hasWord(p.App, asideNames...) || p.store()
}

// hasWord reports whether one of words is a part of name between dashes, dots
// and underscores.
func hasWord(name string, words ...string) bool {
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '/' }) {
		if slices.Contains(words, part) {
			return true
		}
	}
	return false
}

package model

import (
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// buildKube adds the services that Kubernetes runs.
func buildKube(m *Model, files []*tree.File) {
	m.Kube = kube.Read(files)
	for _, w := range m.Kube.Workloads {
		s := workloadService(w)
		m.ofWorkload[w] = s
		m.Services = append(m.Services, s)
	}
}

// workloadService is the workload as all platforms' rules see it.
func workloadService(w *kube.Workload) *Service {
	return &Service{Platform: Kubernetes, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, Node: w.NameNode(), Workload: w, Routers: routersOf(w),
		Grace: w.Grace(), PreStop: w.PreStop(), Replicas: w.Replicas()}
}

// sleepSince is the first Kubernetes with preStop.sleep (KEP-3960: alpha and off
// in 1.29).
var sleepSince = policy.Version{Major: 1, Minor: 30}

// BeforeSleep reports whether there are clusters that do not know preStop.sleep:
// the policy says so.
func (m *Model) BeforeSleep() bool { return m.Policy.Kubernetes.MinVersion.Before(sleepSince) }

// routersOf are what sends to w's pods. An Ingress controller and a Gateway use
// the endpoints, not the Service's address, so that kube-proxy counts only
// where a Service is used by itself.
func routersOf(w *kube.Workload) (all []*route.Router) {
	add := func(kind route.Kind, n *tree.Node) {
		all = append(all, &route.Router{Kind: kind, Node: n, Window: route.Windows[kind]})
	}
	for _, i := range w.Ingresses {
		kind := i.Router
		if kind == route.AWSController && !i.Targets(w) {
			kind = route.KubeProxy
		}
		add(kind, i.NameNode())
	}
	for _, r := range w.Routes {
		add(route.GatewayAPI, r.NameNode())
	}
	for _, s := range w.Services {
		switch {
		case s.Type == "LoadBalancer":
			add(route.LoadBalancer, s.NameNode())
		case !s.Headless:
			add(route.KubeProxy, s.NameNode())
		}
	}
	return all
}

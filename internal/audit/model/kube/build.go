package kube

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Read finds the Kubernetes objects of all files, and what belongs together.
func Read(files []*tree.File) *Cluster {
	c := &Cluster{}
	for _, f := range files {
		if f.Format != tree.YAML && f.Format != tree.JSON {
			continue
		}
		for _, d := range f.Docs {
			c.object(d.Root)
		}
	}
	c.join()
	return c
}

// object adds what n is; a List's items are objects of their own.
func (c *Cluster) object(n *tree.Node) {
	kind, api := n.Get("kind").Text(), n.Get("apiVersion").Text()
	if kind == "" || api == "" {
		return
	}
	if strings.HasSuffix(kind, "List") {
		for _, item := range n.Get("items").List() {
			c.object(item)
		}
		return
	}
	o := newObject(n, api, kind)
	c.Objects = append(c.Objects, o)
	switch o.Group + "/" + kind {
	case "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "argoproj.io/Rollout":
		c.Workloads = append(c.Workloads, newWorkload(o, n.Get("spec", "template")))
	case "/Pod":
		c.Workloads = append(c.Workloads, newWorkload(o, n))
	case "/Service":
		c.Services = append(c.Services, newService(o))
	case "networking.k8s.io/Ingress", "extensions/Ingress":
		c.Ingresses = append(c.Ingresses, newIngress(o))
	case "gateway.networking.k8s.io/HTTPRoute":
		c.Routes = append(c.Routes, newRoute(o))
	case "autoscaling/HorizontalPodAutoscaler":
		c.Scalers = append(c.Scalers, newScaler(o, "minReplicas", "maxReplicas", 1))
	case "keda.sh/ScaledObject":
		c.Scalers = append(c.Scalers, newScaler(o, "minReplicaCount", "maxReplicaCount", 0))
	case "policy/PodDisruptionBudget":
		c.Budgets = append(c.Budgets, &Disruption{Object: o, Selector: labels(n.Get("spec", "selector", "matchLabels"))})
	}
}

func newObject(n *tree.Node, api, kind string) *Object {
	group, version, ok := strings.Cut(api, "/")
	if !ok {
		group, version = "", api
	}
	meta := n.Get("metadata")
	o := &Object{Group: group, Version: version, Kind: kind, Root: n, Name: meta.Get("name").Text(), Namespace: meta.Get("namespace").Text(),
		Labels: labels(meta.Get("labels")), Annotations: meta.Get("annotations")}
	if o.Name == "" {
		o.Name = meta.Get("generateName").Text()
	}
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	return o
}

func labels(n *tree.Node) map[string]string {
	out := make(map[string]string, len(n.Fields()))
	for _, f := range n.Fields() {
		out[f.Key] = f.Text()
	}
	return out
}

// newWorkload reads the pod under n, which has metadata and spec.
func newWorkload(o *Object, n *tree.Node) *Workload {
	w := &Workload{Object: o, Pod: n.Get("spec"), PodLabels: labels(n.Get("metadata", "labels")), PodAnnotations: n.Get("metadata", "annotations")}
	for _, c := range w.Pod.Get("containers").List() {
		w.Containers = append(w.Containers, newContainer(c))
	}
	for _, c := range w.Pod.Get("initContainers").List() {
		if c.Get("restartPolicy").Text() == "Always" {
			side := newContainer(c)
			side.Sidecar = true
			w.Containers = append(w.Containers, side)
		}
	}
	return w
}

func newContainer(n *tree.Node) *Container {
	c := &Container{Node: n, Name: n.Get("name").Text(), Image: n.Get("image").Text()}
	if hook := n.Get("lifecycle", "preStop"); hook.Exists() {
		c.PreStop = hook
	}
	c.Sleep = sleepOf(c.PreStop)
	for _, key := range []string{"command", "args"} {
		for _, word := range n.Get(key).List() {
			c.Command = append(c.Command, word.Value)
		}
	}
	for _, p := range n.Get("ports").List() {
		c.Ports = append(c.Ports, Port{Node: p, Name: p.Get("name").Text(), Number: value.Int(p.Get("containerPort"), value.Value[int]{}).V})
	}
	return c
}

func newService(o *Object) *Service {
	spec := o.Spec()
	s := &Service{Object: o, Selector: labels(spec.Get("selector")), Type: spec.Get("type").Text(), Headless: spec.Get("clusterIP").Text() == "None"}
	if s.Type == "" {
		s.Type = "ClusterIP"
	}
	for _, p := range spec.Get("ports").List() {
		s.Ports = append(s.Ports, Port{Node: p, Name: p.Get("name").Text(), Number: value.Int(p.Get("port"), value.Value[int]{}).V, App: p.Get("appProtocol").Text(),
			Target: p.Get("targetPort").Text()})
	}
	return s
}

func newScaler(o *Object, least, most string, def int) *Scaler {
	spec := o.Spec()
	s := &Scaler{Object: o, TargetKind: spec.Get("scaleTargetRef", "kind").Text(), TargetName: spec.Get("scaleTargetRef", "name").Text()}
	s.Min, s.Max = value.Int(spec.Get(least), value.Of(least, def)), value.Int(spec.Get(most), value.Value[int]{Name: most})
	return s
}

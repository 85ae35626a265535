package model

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// engines are images of Redis and of what speaks its language, by the last part
// of their names.
var engines = image.Names(`redis valkey keydb redis-stack-server`)

// kubeStores reads Redis and Valkey that Kubernetes runs as they are, without
// an operator or a chart.
func kubeStores(m *Model) {
	for _, w := range m.Kube.Workloads {
		for _, c := range w.Containers {
			if name, _ := c.ImageName(); engines[name] {
				m.Stores = append(m.Stores, newKubeStore(m, w, c))
				break
			}
		}
	}
}

func newKubeStore(m *Model, w *kube.Workload, c *kube.Container) *Store {
	name, tag := c.ImageName()
	s := &Store{Kind: w.Kind, Name: w.Namespace + "/" + w.Name, Node: w.NameNode(), Body: c.Node, Keeps: keeps(w)}
	s.Nodes = value.Int(w.Spec().Get("replicas"), value.Of("replicas", 1))
	if s.Nodes.V > 1 { // of which nothing says that they replicate
		s.Nodes.State = value.Unknown
	}
	if version, _, _ := strings.Cut(tag, "-"); name == "redis" && version != "" && strings.Trim(version, "0123456789.") == "" {
		s.Version = value.Value[string]{V: version, State: value.Written, Node: c.Node.Get("image"), Name: "image"}
	}
	s.Policy, s.Auth = value.Of("maxmemory-policy", "noeviction"), value.Of("requirepass", false)
	if configured(c) {
		s.Policy.State, s.Auth.State = value.Unknown, value.Unknown
	}
	for _, n := range append(c.Node.Get("command").List(), c.Node.Get("args").List()...) {
		switch n.Text() {
		case "--maxmemory-policy":
			s.Policy = value.Text(next(n), s.Policy)
		case "--requirepass":
			s.Auth = value.Value[bool]{V: true, State: value.Written, Node: n, Name: "requirepass"}
		}
	}
	s.services = w.Services
	if s.Named = s.policyNames(m.Policy); s.Named == "" && strings.Contains(w.Name, "session") {
		s.Named = "its name says that it holds sessions"
	}
	return s
}

// next is the item of a list after n.
func next(n *tree.Node) *tree.Node {
	items := n.Parent.List()
	if i := slices.Index(items, n); i >= 0 && i+1 < len(items) {
		return items[i+1]
	}
	return nil
}

// configured reports whether more settings may come from a file, a script or
// variables.
func configured(c *kube.Container) bool {
	for _, word := range c.Command {
		if strings.Contains(word, ".conf") || strings.ContainsAny(word, " \n$") {
			return true
		}
	}
	for _, v := range c.Node.Get("volumeMounts").List() {
		if path := v.Get("mountPath").Text(); path != "/data" {
			return true
		}
	}
	return c.Node.Get("env").Exists() || c.Node.Get("envFrom").Exists()
}

// keeps reports whether the data outlive a pod.
func keeps(w *kube.Workload) bool {
	if len(w.Spec().Get("volumeClaimTemplates").List()) > 0 {
		return true
	}
	return slices.ContainsFunc(w.Pod.Get("volumes").List(), func(v *tree.Node) bool {
		return v.Get("persistentVolumeClaim").Exists() || v.Get("hostPath").Exists()
	})
}

package kube

import (
	"path"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/image"
)

// helpers are words of names of what works for the cluster or behind users'
// backs.
var helpers = []string{"operator", "exporter", "webhook", "controller", "autoscaler", "provisioner", "csi", "worker", "consumer", "cron", "cronjob", "scheduler", "migrate", "migrator", "backup", "loadtester", "loadgenerator"}

// meshes are images of proxies that carry what the other containers of a pod
// send, by the last part of their name.
var meshes = image.Names(`proxyv2 istio-proxy linkerd-proxy envoy consul-dataplane kuma-dp kuma-sidecar
	cloud-sql-proxy cloud_sql_proxy gce-proxy alloydb-auth-proxy`)

// infrastructure reports whether what serves is a store, a broker or a tool.
func (w *Workload) infrastructure() bool {
	serving := w.Serving()
	if len(serving) == 0 && len(w.Containers) > 0 {
		serving = w.Containers[:1]
	}
	return slices.ContainsFunc(serving, func(c *Container) bool {
		name, _ := c.ImageName()
		return image.Known[name] || strings.HasSuffix(name, "-exporter") || strings.HasSuffix(name, "-operator") || c.idle()
	})
}

// helper reports whether the workload works for the cluster or behind users'
// backs, which an Ingress that leads to it disproves.
func (w *Workload) helper() bool {
	switch {
	case w.Kind == "DaemonSet" && w.Pod.Get("hostNetwork").Text() == "true":
		return true
	case w.Kind == "StatefulSet" && len(w.Spec().Get("volumeClaimTemplates").List()) > 0:
		return true
	}
	n := w.Namespace
	return hasWord(w.Name, helpers...) || strings.HasPrefix(n, "kube-") || strings.HasSuffix(n, "-system") || strings.HasSuffix(n, "-operator") ||
		slices.Contains([]string{"monitoring", "observability", "logging", "cert-manager", "argocd"}, n)
}

// idle reports whether c only waits, for people to work in: it serves nothing,
// whatever Service leads to it.
func (c *Container) idle() bool {
	if len(c.Command) == 0 {
		return false
	}
	switch name := path.Base(c.Command[0]); name {
	case "sleep", "pause":
		return true
	case "tail":
		return c.Command[len(c.Command)-1] == "/dev/null"
	}
	return false
}

// ImageName is the last part of the image's name, and its tag, empty if none is
// written.
func (c *Container) ImageName() (name, tag string) {
	return image.Name(c.Image)
}

// Sh is what sh is in the container's image: dash, bash or busybox; empty if the
// image's name does not say.
func (c *Container) Sh() string { return image.Shell(c.Image) }

// Mesh reports whether the container is a proxy that carries what the others of
// its pod send and get.
func (c *Container) Mesh() bool {
	name, _ := c.ImageName()
	return meshes[name] || meshes[c.Name]
}

// callers marks the Services that the API server calls: those of webhooks and
// of aggregated APIs.
func (c *Cluster) callers() {
	called := map[string]bool{}
	for _, o := range c.Objects {
		switch o.Kind {
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			for _, h := range o.Root.Get("webhooks").List() {
				s := h.Get("clientConfig", "service")
				called[s.Get("namespace").Text()+"/"+s.Get("name").Text()] = true
			}
		case "APIService":
			s := o.Spec().Get("service")
			called[s.Get("namespace").Text()+"/"+s.Get("name").Text()] = true
		}
	}
	for _, s := range c.Services {
		s.APIServer = called[s.Namespace+"/"+s.Name]
	}
}

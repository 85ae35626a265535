package kube

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Canary reports whether an Ingress of ingress-nginx only adds a canary to
// another one of its host, from which it takes the affinity.
func (i *Ingress) Canary() bool {
	return i.Router == route.IngressNginx && i.Nginx("canary").Text() == "true"
}

// Nginx returns an annotation of ingress-nginx by its name without the prefix,
// nil if it is not there.
func (i *Ingress) Nginx(name string) *tree.Node { return i.Annotation(NginxPrefix + name) }

// Sticky reports whether ingress-nginx keeps users with a pod by a cookie.
func (i *Ingress) Sticky() bool {
	return i.Router == route.IngressNginx && i.Nginx("affinity").Text() == "cookie"
}

// CookieName is the name of the affinity cookie; ingress-nginx's default is
// INGRESSCOOKIE (annotations reference).
func (i *Ingress) CookieName() value.Value[string] {
	return value.Text(i.Nginx("session-cookie-name"), value.Of("session-cookie-name", "INGRESSCOOKIE"))
}

// Defaults of ingress-nginx's controller: --shutdown-grace-period,
// --post-shutdown-grace-period, worker-shutdown-timeout of its ConfigMap.
const (
	nginxWorkerShutdown = 240 * 1e9
	nginxShutdown       = 0
	nginxPostShutdown   = 10 * 1e9
)

// NginxController is one installation of ingress-nginx.
type NginxController struct {
	Workload                                     *Workload
	Config                                       *Object // its ConfigMap; nil: not among the files
	WorkerShutdown, BeforeShutdown, PostShutdown value.Value[time.Duration]
}

// NginxControllers finds the installations: workloads whose image is
// ingress-nginx's.
func (c *Cluster) NginxControllers() (all []NginxController) {
	for _, w := range c.Workloads {
		for _, ctr := range w.Containers {
			if image, _, _ := strings.Cut(ctr.Image, "@"); strings.Contains(image, "ingress-nginx/controller") {
				all = append(all, c.nginxController(w, ctr))
			}
		}
	}
	return all
}

func (c *Cluster) nginxController(w *Workload, ctr *Container) NginxController {
	n := NginxController{Workload: w,
		BeforeShutdown: ctr.flagSeconds("shutdown-grace-period", nginxShutdown),
		PostShutdown:   ctr.flagSeconds("post-shutdown-grace-period", nginxPostShutdown),
		WorkerShutdown: value.Of("worker-shutdown-timeout", time.Duration(nginxWorkerShutdown)),
	}
	flag, _ := ctr.flag("configmap")
	if flag == "" {
		return n
	}
	name := flag[strings.LastIndexByte(flag, '/')+1:]
	var maps []*Object
	for _, o := range c.Objects {
		if o.Kind == "ConfigMap" && o.Name == name && o.Namespace == w.Namespace {
			maps = append(maps, o)
		}
	}
	if maps = near(w.Object, maps); len(maps) == 0 {
		n.WorkerShutdown.State = value.Unknown
		return n
	}
	n.Config = maps[0]
	n.WorkerShutdown = NginxTime(n.Config.Root.Get("data", "worker-shutdown-timeout"), n.WorkerShutdown)
	return n
}

// flag is the value of --NAME=VALUE or --NAME VALUE among the container's
// words, and the node that holds it.
func (c *Container) flag(name string) (string, *tree.Node) {
	var words []*tree.Node
	for _, key := range []string{"command", "args"} {
		words = append(words, c.Node.Get(key).List()...)
	}
	for i, w := range words {
		if v, ok := strings.CutPrefix(w.Value, "--"+name+"="); ok {
			return v, w
		}
		if w.Value == "--"+name && i+1 < len(words) {
			return words[i+1].Value, words[i+1]
		}
	}
	return "", nil
}

// flagSeconds is a flag that counts seconds.
func (c *Container) flagSeconds(name string, def time.Duration) value.Value[time.Duration] {
	text, n := c.flag(name)
	if n == nil {
		return value.Of("--"+name, def)
	}
	d, ok := value.ParseSeconds(text)
	if !ok {
		return value.Value[time.Duration]{State: value.Unknown, Node: n, Name: "--" + name}
	}
	return value.Value[time.Duration]{V: d, State: value.Written, Node: n, Name: "--" + name}
}

// NginxTime reads a time as nginx writes it: 240s, 10m, 90; a number alone is
// in seconds.
func NginxTime(n *tree.Node, def value.Value[time.Duration]) value.Value[time.Duration] {
	return value.Read(n, def, func(s string) (time.Duration, bool) {
		units := map[byte]time.Duration{'s': 1e9, 'm': 60 * 1e9, 'h': 3600 * 1e9, 'd': 86400 * 1e9}
		if s == "" {
			return 0, false
		}
		if unit, ok := units[s[len(s)-1]]; ok {
			count, ok := value.ParseSeconds(s[:len(s)-1])
			if !ok || count > value.MaxSeconds*1e9/(unit/1e9) {
				return 0, false
			}
			return count * (unit / 1e9), true
		}
		return value.ParseSeconds(s)
	})
}

// Package kubernetes reads the grace period of its own pod and keeps the pod's
// deletion cost, so that a scale-in takes the pods first that do the least.
//
// It speaks plain HTTP to the API server with the files of the service
// account. Its role needs get on pods for the grace period and patch on pods
// for the deletion cost; examples/kubernetes has both.
//
// # Environment
//
//	KUBERNETES_SERVICE_HOST, _PORT   set by the kubelet: the API server
//	POD_NAME, POD_NAMESPACE          downward API (metadata.name, metadata.namespace);
//	                                 else the host name and the service account's namespace
//	CONTAINER_NAME                   which container this is, where a pod has several
//	EVENKEEL_POD_DELETION_COST       true: keep the annotation; default false
//
// The downward API does not offer spec.terminationGracePeriodSeconds, so there
// is no variable for it that could not be wrong.
//
// # Guarantees
//
//   - At most one PATCH in 30 s, and none for a change of less than a fifth,
//     except from and to nothing.
//   - The token and the CA are read again for each call: both are rotated.
//
// # Not guaranteed
//
//   - That a controller looks at the cost: ReplicaSets do, as the third of
//     their criteria, StatefulSets do not.
package kubernetes

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// serviceAccount is where the kubelet mounts token, ca.crt and namespace.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// Options is what Detect finds out.
type Options struct {
	Server       string // https://10.0.0.1:443
	Dir          string // of the service account; empty is the kubelet's
	Pod          string
	Namespace    string // empty is the service account's
	Container    string // empty is the only one
	DeletionCost bool

	Every time.Duration // between two PATCHes, 0 is 30 s
	Tick  time.Duration // between two looks at the load, 0 is 1 s
}

func (o Options) withDefaults() Options {
	if o.Dir == "" {
		o.Dir = serviceAccount
	}
	if o.Namespace == "" {
		o.Namespace = "default"
		if b, err := os.ReadFile(filepath.Join(o.Dir, "namespace")); err == nil {
			o.Namespace = strings.TrimSpace(string(b))
		}
	}
	if o.Every == 0 {
		o.Every = 30 * time.Second
	}
	if o.Tick == 0 {
		o.Tick = time.Second
	}
	return o
}

// Host is the pod that this process runs in.
type Host struct {
	opt Options
	api *api
	log *slog.Logger
}

// Detect returns nil outside of Kubernetes.
func Detect(env func(string) string, log *slog.Logger) *Host {
	server := serverOf(env)
	if server == "" {
		return nil
	}
	pod := env("POD_NAME")
	if pod == "" {
		pod, _ = os.Hostname() // an empty name is an error of Grace
	}
	return New(Options{
		Server: server, Pod: pod, Namespace: env("POD_NAMESPACE"), Container: env("CONTAINER_NAME"),
		DeletionCost: host.Enabled(env, "EVENKEEL_POD_DELETION_COST", log),
	}, log)
}

// New is a Host that is known.
func New(opt Options, log *slog.Logger) *Host {
	opt = opt.withDefaults()
	return &Host{opt: opt, api: newAPI(opt), log: log.With("platform", "kubernetes")}
}

// Name implements platform.Host.
func (h *Host) Name() string { return "kubernetes" }

// Grace is terminationGracePeriodSeconds less what a preStop hook is known to
// take of it.
func (h *Host) Grace(ctx context.Context) (d time.Duration, from string, err error) {
	p, err := h.api.pod(ctx)
	if err != nil {
		return 0, "", err
	}
	d, from = p.grace(h.opt.Container)
	return d, from + " of pod " + h.opt.Namespace + "/" + h.opt.Pod, nil
}

// Run keeps the deletion cost, if that is asked for, and removes it at the
// end.
func (h *Host) Run(ctx context.Context, load func() host.Load) {
	defer h.api.close()
	if !h.opt.DeletionCost {
		<-ctx.Done()
		return
	}
	trouble := host.NewTrouble(h.log, "pod deletion cost", h.opt.Every, max(5*time.Minute, h.opt.Every))
	samples := host.Sample(ctx, h.opt.Tick, load)
	known := false
	c := cost{every: h.opt.Every}
	for l, ok := host.Next(ctx, samples); ok; l, ok = host.Next(ctx, samples) {
		now := time.Now()
		c.add(l)
		if !trouble.Ready(now) || l.State.Leaving() {
			continue // of a pod that leaves nobody asks the cost
		}
		if !known {
			p, err := h.api.pod(ctx) // a process before this one may have left a cost
			if h.note(ctx, trouble, err) {
				known = true
				c.found(p.cost())
			}
			continue
		}
		if value, due := c.due(now); due {
			err := h.api.annotate(ctx, &value)
			if h.note(ctx, trouble, err) {
				c.sent(now, value)
			} else {
				c.unknown(now)
			}
		}
	}
	if c.mine {
		if err := host.Release(ctx, func(ctx context.Context) error { return h.api.annotate(ctx, nil) }); err != nil {
			h.log.Warn("the pod deletion cost could not be removed", "error", err)
		}
	}
}

// note tells whether a call was good. One that ended with ctx says nothing
// about the server.
func (h *Host) note(ctx context.Context, t *host.Trouble, err error) bool {
	if err != nil && ctx.Err() != nil {
		return false
	}
	var attrs []slog.Attr
	switch host.Status(err) {
	case 401, 403:
		attrs = append(attrs, slog.String("needs", `a Role of this namespace with apiGroups [""], resources ["pods"], verbs ["get", "patch"], bound to the pod's service account`))
	case 404:
		attrs = append(attrs, slog.String("needs", "POD_NAME and POD_NAMESPACE from the downward API"),
			slog.String("pod", h.opt.Namespace+"/"+h.opt.Pod))
	}
	t.Note(time.Now(), err, attrs...)
	return err == nil
}

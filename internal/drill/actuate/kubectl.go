//go:build unix

package actuate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// cluster is a namespace as kubectl shows it.
type cluster struct {
	program
	env Env
}

func newKubectl(k plan.Kubectl, env Env) (actor, error) {
	c := cluster{program: program{name: "kubectl"}, env: env}
	if k.Context != "" {
		c.args = append(c.args, "--context="+k.Context)
	}
	node := program{c.name, c.args}
	if k.Namespace != "" {
		c.args = append(slices.Clone(c.args), "--namespace="+k.Namespace)
	}
	switch {
	case k.Scale != "" && k.Replicas == nil:
		return nil, errors.New("kubectl: scale needs replicas")
	case k.Scale != "":
		return &rollout{c, k.Scale, []string{"scale", k.Scale, "--replicas=" + strconv.Itoa(*k.Replicas)}, *k.Replicas}, nil
	case k.RolloutRestart != "":
		return &rollout{c, k.RolloutRestart, []string{"rollout", "restart", k.RolloutRestart}, -1}, nil
	case k.DeletePod != "":
		return &podDeletion{c, k.DeletePod}, nil
	case k.DrainNode != "":
		return &nodeDrain{cluster{node, env}, k.DrainNode}, nil
	}
	return nil, errors.New("kubectl: nothing to do")
}

// rollout is a change of a workload whose pods come and go by it.
type rollout struct {
	cluster
	workload string
	args     []string
	replicas int // afterwards; negative: as before
}

func (a *rollout) kind() string { return "kubectl " + a.args[0] }

func (a *rollout) check(ctx context.Context) error {
	if err := a.there(); err != nil {
		return err
	}
	w, err := a.get(ctx, a.workload)
	if err != nil {
		return err
	}
	_, err = w.selector()
	return err
}

func (a *rollout) do(ctx context.Context, s *drill.Scene) error {
	s.Target(a.workload)
	w, err := a.get(ctx, a.workload)
	if err != nil {
		return err
	}
	look, err := a.podsOf(w)
	if err != nil {
		return err
	}
	before, err := look(ctx)
	if err != nil {
		return err
	}
	return newTracker(s, before).follow(ctx, look, a.env.Every, func(ctx context.Context) error {
		if _, err := a.run(ctx, a.args...); err != nil {
			return err
		}
		_, err := a.run(ctx, "rollout", "status", a.workload, fmt.Sprintf("--timeout=%ds", int(a.env.Limit.Seconds())))
		return err
	}, func(now []instance) bool { return a.replicas < 0 || len(now) == a.replicas })
}

// podDeletion deletes a pod; what owns it makes another.
type podDeletion struct {
	cluster
	which string // a pod, a workload (any pod of it) or a selector (likewise)
}

func (a *podDeletion) kind() string { return "kubectl delete pod" }

func (a *podDeletion) check(ctx context.Context) error {
	if err := a.there(); err != nil {
		return err
	}
	_, _, err := a.pick(ctx)
	return err
}

// pick chooses the pod, and gives a way to see it with its like.
func (a *podDeletion) pick(ctx context.Context) (victim instance, look looks, err error) {
	switch kind, name, found := strings.Cut(a.which, "/"); {
	case strings.Contains(a.which, "="):
		look = a.pods(a.which)
	case found && kind != "pod" && kind != "pods" && kind != "po":
		w, err := a.get(ctx, a.which)
		if err != nil {
			return victim, nil, err
		}
		if look, err = a.podsOf(w); err != nil {
			return victim, nil, err
		}
	default:
		if found {
			return a.one(ctx, name)
		}
		return a.one(ctx, a.which)
	}
	all, err := look(ctx)
	if err != nil {
		return victim, nil, err
	}
	all = slices.DeleteFunc(all, func(i instance) bool { return i.leaving || !i.ready })
	if len(all) == 0 {
		return victim, nil, fmt.Errorf("kubectl: %s has no pod that is ready", a.which)
	}
	return all[a.env.Rand.IntN(len(all))], look, nil
}

func (a *podDeletion) do(ctx context.Context, s *drill.Scene) error {
	victim, look, err := a.pick(ctx)
	if err != nil {
		return err
	}
	s.Target(victim.name)
	before, err := look(ctx)
	if err != nil {
		return err
	}
	return newTracker(s, before).follow(ctx, look, a.env.Every, func(ctx context.Context) error {
		_, err := a.run(ctx, "delete", "pod", victim.name, "--wait=false")
		return err
	}, func(now []instance) bool {
		gone := !slices.ContainsFunc(now, func(i instance) bool { return i.id == victim.id })
		return gone && len(now) >= len(before)
	})
}

// nodeDrain moves all pods away from a node, and then lets it have pods again.
type nodeDrain struct {
	cluster
	node string // a name, or random
}

func (a *nodeDrain) kind() string { return "kubectl drain" }

func (a *nodeDrain) check(ctx context.Context) error {
	if err := a.there(); err != nil {
		return err
	}
	_, err := a.pick(ctx)
	return err
}

func (a *nodeDrain) pick(ctx context.Context) (string, error) {
	if a.node != "random" {
		var n object
		return a.node, a.read(ctx, &n, "get", "node", a.node, "-o", "json")
	}
	var all objects
	if err := a.read(ctx, &all, "get", "nodes", "-o", "json"); err != nil {
		return "", err
	}
	nodes := slices.DeleteFunc(all.Items, func(n object) bool { return n.Spec.Unschedulable })
	if len(nodes) == 0 {
		return "", errors.New("kubectl: no node takes pods")
	}
	return nodes[a.env.Rand.IntN(len(nodes))].Metadata.Name, nil
}

func (a *nodeDrain) do(ctx context.Context, s *drill.Scene) (err error) {
	node, err := a.pick(ctx)
	if err != nil {
		return err
	}
	s.Target(node)
	look := a.list("get", "pods", "--all-namespaces", "--field-selector=spec.nodeName="+node, "-o", "json")
	before, err := look(ctx)
	if err != nil {
		return err
	}
	defer func() {
		// Also after an interrupt: a node that stays closed is no drill's business.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), uncordonWait)
		defer cancel()
		_, opened := a.run(after, "uncordon", node)
		err = errors.Join(err, opened)
	}()
	return newTracker(s, before).follow(ctx, look, a.env.Every, func(ctx context.Context) error {
		_, err := a.run(ctx, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data",
			fmt.Sprintf("--timeout=%ds", int(a.env.Limit.Seconds())))
		return err
	}, nil)
}

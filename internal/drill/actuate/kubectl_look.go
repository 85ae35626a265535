//go:build unix

package actuate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const uncordonWait = 10 * time.Second

// object is what is read of pods, nodes and workloads.
type object struct {
	Metadata struct {
		Name, UID         string
		DeletionTimestamp string
		OwnerReferences   []struct{ UID string }
	}
	Spec struct {
		Unschedulable bool // of a node
		Selector      struct{ MatchLabels map[string]string }
	}
	Status struct {
		Phase      string
		Conditions []struct{ Type, Status string }
	}
}

type objects struct{ Items []object }

// get reads a workload, such as deploy/shop.
func (c cluster) get(ctx context.Context, workload string) (object, error) {
	var o object
	err := c.read(ctx, &o, "get", workload, "-o", "json")
	return o, err
}

// selector is how a workload finds its pods, for --selector.
func (o object) selector() (string, error) {
	labels := o.Spec.Selector.MatchLabels
	if len(labels) == 0 {
		return "", fmt.Errorf("kubectl: %s has no selector.matchLabels, so its pods cannot be found", o.Metadata.Name)
	}
	var terms []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		terms = append(terms, k+"="+labels[k])
	}
	return strings.Join(terms, ","), nil
}

func (c cluster) podsOf(workload object) (looks, error) {
	selector, err := workload.selector()
	return c.pods(selector), err
}

func (c cluster) pods(selector string) looks {
	return c.list("get", "pods", "--selector="+selector, "-o", "json")
}

// list sees the pods that a call gives, but for those that have ended.
func (c cluster) list(args ...string) looks {
	return func(ctx context.Context) ([]instance, error) {
		var all objects
		if err := c.read(ctx, &all, args...); err != nil {
			return nil, err
		}
		var pods []instance
		for _, o := range all.Items {
			if o.Status.Phase != "Succeeded" && o.Status.Phase != "Failed" {
				pods = append(pods, o.pod())
			}
		}
		return pods, nil
	}
}

func (o object) pod() instance {
	i := instance{id: o.Metadata.UID, name: o.Metadata.Name, leaving: o.Metadata.DeletionTimestamp != ""}
	for _, c := range o.Status.Conditions {
		i.ready = i.ready || c.Type == "Ready" && c.Status == "True"
	}
	return i
}

// one is a pod by name, and the sight of all that have its owner. A pod without
// an owner is seen alone.
func (c cluster) one(ctx context.Context, name string) (instance, looks, error) {
	var pod object
	if err := c.read(ctx, &pod, "get", "pod", name, "-o", "json"); err != nil {
		return instance{}, nil, err
	}
	owned := func(o object) bool {
		if len(pod.Metadata.OwnerReferences) == 0 || len(o.Metadata.OwnerReferences) == 0 {
			return o.Metadata.UID == pod.Metadata.UID
		}
		return o.Metadata.OwnerReferences[0].UID == pod.Metadata.OwnerReferences[0].UID
	}
	return pod.pod(), func(ctx context.Context) ([]instance, error) {
		var all objects
		if err := c.read(ctx, &all, "get", "pods", "-o", "json"); err != nil {
			return nil, err
		}
		var pods []instance
		for _, o := range all.Items {
			if owned(o) {
				pods = append(pods, o.pod())
			}
		}
		return pods, nil
	}, nil
}

package actuate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// answer is what kubectl and aws say.
func (p *platform) answer(tool string, args []string) (any, error) {
	if tool == "aws" {
		return p.aws(args)
	}
	has := func(words ...string) bool { return len(args) >= len(words) && slices.Equal(args[:len(words)], words) }
	switch {
	case has("get", "deploy/shop"):
		return map[string]any{"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]string{"app": "shop", "tier": "web"}}}}, nil
	case has("get", "pods", "--selector=app=shop,tier=web"), has("get", "pods", "--selector=app=shop"),
		has("get", "pods", "-o"), has("get", "pods", "--all-namespaces", "--field-selector=spec.nodeName=node-1"):
		items := []any{}
		for _, i := range p.list() {
			items = append(items, i.json())
		}
		return map[string]any{"items": items}, nil
	case has("get", "pod"):
		for _, i := range p.list() {
			if i.name == args[2] {
				return i.json(), nil
			}
		}
		return nil, fmt.Errorf("pods %q not found", args[2])
	case has("get", "nodes"):
		return map[string]any{"items": []any{map[string]any{"metadata": map[string]any{"name": "node-1"}}}}, nil
	case has("get", "node", "node-1"):
		return map[string]any{"metadata": map[string]any{"name": "node-1"}}, nil
	case has("scale", "deploy/shop"):
		var n int
		if _, err := fmt.Sscanf(args[2], "--replicas=%d", &n); err != nil {
			return nil, err
		}
		p.scale(n)
		return "scaled\n", nil
	case has("rollout", "restart", "deploy/shop"):
		p.replace(p.list())
		return "restarted\n", nil
	case has("rollout", "status", "deploy/shop"), has("uncordon", "node-1"):
		p.pending.Wait()
		return "done\n", nil
	case has("delete", "pod"):
		i := p.named(args[2])
		if i == nil {
			return nil, errors.New("no such pod")
		}
		p.later(func() { p.end(i) })
		p.later(func() { _ = p.start() })
		return "deleted\n", nil
	case has("drain", "node-1"):
		for _, i := range p.list() {
			p.later(func() { p.end(p.named(i.name)) })
		}
		p.pending.Wait()
		return "drained\n", nil
	}
	return nil, fmt.Errorf("the server doesn't have %s", strings.Join(args, " "))
}

// json is the pod as the API server has it.
func (i pod) json() any {
	meta := map[string]any{"name": i.name, "uid": "uid-" + i.name, "ownerReferences": []any{map[string]any{"uid": "owner"}}}
	if i.leaving {
		meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
	}
	ready := "False"
	if i.ready {
		ready = "True"
	}
	return map[string]any{"metadata": meta, "status": map[string]any{
		"phase": "Running", "conditions": []any{map[string]any{"type": "Ready", "status": ready}},
	}}
}

func TestKubectl(t *testing.T) {
	for _, tc := range []struct {
		name               string
		do                 plan.Kubectl
		call               string
		pods               int // afterwards
		terminating, ready bool
	}{
		{"scale in", plan.Kubectl{Scale: "deploy/shop", Replicas: new(1)}, "kubectl scale deploy/shop --replicas=1", 1, true, false},
		{"scale out", plan.Kubectl{Scale: "deploy/shop", Replicas: new(3)}, "kubectl scale deploy/shop --replicas=3", 3, false, true},
		// The control: nothing changes, and no phase is made up.
		{"scale to the same", plan.Kubectl{Scale: "deploy/shop", Replicas: new(2)}, "kubectl scale deploy/shop --replicas=2", 2, false, false},
		{"restart", plan.Kubectl{RolloutRestart: "deploy/shop", Namespace: "web", Context: "test"},
			"kubectl rollout restart deploy/shop --context=test --namespace=web", 2, true, true},
		{"delete by name", plan.Kubectl{DeletePod: "shop-2"}, "kubectl delete pod shop-2 --wait=false", 2, true, true},
		{"delete by workload", plan.Kubectl{DeletePod: "deploy/shop"}, "kubectl delete pod shop-", 2, true, true},
		{"delete by selector", plan.Kubectl{DeletePod: "app=shop"}, "kubectl delete pod shop-", 2, true, true},
		{"drain", plan.Kubectl{DrainNode: "node-1"}, "kubectl drain node-1 --ignore-daemonsets", 0, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlatform(t, 2)
			event := plan.Event{Kubectl: &tc.do}
			if err := Check(t.Context(), event, Env{}); err != nil {
				t.Fatalf("check: %v", err)
			}
			if n := len(p.list()); n != 2 || p.called("kubectl get") != len(p.said()) {
				t.Fatalf("the check changed something: %v", p.said())
			}
			e, err := happen(t, event, Env{})
			if err != nil {
				t.Fatal(err)
			}
			wantPhases(t, e, tc.terminating, tc.ready)
			if p.called(tc.call) != 1 {
				t.Errorf("no call %q in %v", tc.call, p.said())
			}
			if !p.settled() || len(p.list()) != tc.pods {
				t.Errorf("it returned before it was over: %+v", p.list())
			}
			if tc.do.DrainNode != "" && p.called("kubectl uncordon node-1") != 1 {
				t.Error("the node stays closed")
			}
		})
	}
}

func TestKubectlThatFails(t *testing.T) {
	p := newPlatform(t, 1)
	for _, k := range []plan.Kubectl{
		{RolloutRestart: "deploy/none"}, {DeletePod: "none"}, {DeletePod: "deploy/none"}, {DrainNode: "none"},
	} {
		if err := Check(t.Context(), plan.Event{Kubectl: &k}, Env{}); err == nil || !strings.Contains(err.Error(), "error: ") {
			t.Errorf("check of %+v: %v", k, err)
		}
	}
	p.deny("kubectl rollout restart")
	_, err := happen(t, plan.Event{Kubectl: &plan.Kubectl{RolloutRestart: "deploy/shop"}}, Env{})
	if err == nil || !strings.Contains(err.Error(), "kubectl rollout restart deploy/shop: exit status 1: line of noise / error: it is forbidden") {
		t.Errorf("error %v", err)
	}
	p.deny("kubectl drain")
	_, err = happen(t, plan.Event{Kubectl: &plan.Kubectl{DrainNode: "random"}}, Env{})
	if err == nil || p.called("kubectl uncordon node-1") != 1 {
		t.Errorf("error %v; the node is open again: %d", err, p.called("kubectl uncordon"))
	}
	t.Setenv("PATH", t.TempDir())
	err = Check(t.Context(), plan.Event{Kubectl: &plan.Kubectl{RolloutRestart: "deploy/shop"}}, Env{})
	if err == nil || !strings.Contains(err.Error(), "kubectl is not installed") {
		t.Errorf("without kubectl: %v", err)
	}
}

func TestKubectlThatSaysNothing(t *testing.T) {
	for _, k := range []plan.Kubectl{{}, {Scale: "deploy/shop"}} {
		if _, err := New(plan.Event{Kubectl: &k}, Env{}); err == nil {
			t.Errorf("%+v is an event", k)
		}
	}
}

package actuate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

const arn = "arn:aws:ecs:eu-central-1:1:task/c/"

// flag is the value after a flag.
func flag(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// aws is what the AWS CLI says.
func (p *platform) aws(args []string) (any, error) {
	if flag(args, "--output") != "json" || len(args) < 2 || args[0] != "ecs" {
		return nil, fmt.Errorf("unexpected: %v", args)
	}
	if flag(args, "--cluster") != "c" {
		return nil, fmt.Errorf("ClusterNotFoundException: %s", flag(args, "--cluster"))
	}
	switch args[1] {
	case "describe-services":
		if flag(args, "--services") != "shop" {
			return map[string]any{"services": []any{}, "failures": []any{map[string]string{"reason": "MISSING"}}}, nil
		}
		return map[string]any{"services": []any{map[string]string{"status": "ACTIVE"}}}, nil
	case "list-tasks":
		arns := []string{}
		for _, i := range p.list() {
			arns = append(arns, arn+i.name)
		}
		return map[string]any{"taskArns": arns}, nil
	case "describe-tasks":
		tasks := []any{}
		for _, i := range p.list() {
			task := map[string]string{"taskArn": arn + i.name, "lastStatus": "PENDING", "desiredStatus": "RUNNING", "healthStatus": "UNKNOWN"}
			if i.ready {
				task["lastStatus"] = "RUNNING"
			}
			if i.leaving {
				task["desiredStatus"] = "STOPPED"
			}
			tasks = append(tasks, task)
		}
		return map[string]any{"tasks": tasks}, nil
	case "update-service":
		if slices.Contains(args, "--force-new-deployment") {
			p.replace(p.list())
		}
		if n, err := strconv.Atoi(flag(args, "--desired-count")); err == nil {
			p.scale(n)
		}
		return map[string]any{}, nil
	case "stop-task":
		i := p.named(strings.TrimPrefix(flag(args, "--task"), arn))
		if i == nil {
			return nil, fmt.Errorf("InvalidParameterException: the task was not found")
		}
		p.later(func() { p.end(i) })
		p.later(func() { _ = p.start() })
		return map[string]any{}, nil
	case "wait":
		p.pending.Wait()
		return "", nil
	}
	return nil, fmt.Errorf("unexpected: %v", args)
}

func TestECS(t *testing.T) {
	for _, tc := range []struct {
		name               string
		do                 plan.ECS
		call               string
		tasks              int
		terminating, ready bool
	}{
		{"scale in", plan.ECS{Desired: new(1)}, "aws ecs update-service --cluster c --service shop --desired-count 1", 1, true, false},
		{"scale out", plan.ECS{Desired: new(3)}, "aws ecs update-service --cluster c --service shop --desired-count 3", 3, false, true},
		{"the same", plan.ECS{Desired: new(2)}, "aws ecs update-service --cluster c --service shop --desired-count 2", 2, false, false},
		{"deployment", plan.ECS{ForceNewDeployment: true}, "aws ecs update-service --cluster c --service shop --force-new-deployment", 2, true, true},
		{"stop any", plan.ECS{StopTask: "random"}, "aws ecs stop-task --cluster c --task " + arn + "shop-", 2, true, true},
		{"stop one", plan.ECS{StopTask: arn + "shop-2"}, "aws ecs stop-task --cluster c --task " + arn + "shop-2", 2, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlatform(t, 2)
			tc.do.Cluster, tc.do.Service = "c", "shop"
			event := plan.Event{ECS: &tc.do}
			if err := Check(t.Context(), event, Env{}); err != nil {
				t.Fatalf("check: %v", err)
			}
			e, err := happen(t, event, Env{})
			if err != nil {
				t.Fatal(err)
			}
			wantPhases(t, e, tc.terminating, tc.ready)
			if p.called(tc.call) != 1 || p.called("aws ecs wait services-stable") != 1 {
				t.Errorf("no call %q, or no wait, in %v", tc.call, p.said())
			}
			if !p.settled() || len(p.list()) != tc.tasks {
				t.Errorf("it returned before it was over: %+v", p.list())
			}
		})
	}
}

func TestECSThatFails(t *testing.T) {
	p := newPlatform(t, 1)
	for want, e := range map[string]plan.ECS{
		"has no service none":            {Cluster: "c", Service: "none", StopTask: "random"},
		"ClusterNotFoundException: none": {Cluster: "none", Service: "shop", StopTask: "random"},
	} {
		if err := Check(t.Context(), plan.Event{ECS: &e}, Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check of %+v: %v", e, err)
		}
	}
	_, err := happen(t, plan.Event{ECS: &plan.ECS{Cluster: "c", Service: "shop", StopTask: "arn:none"}}, Env{})
	if err == nil || !strings.Contains(err.Error(), "the task was not found") {
		t.Errorf("error %v", err)
	}
	if !p.settled() || len(p.list()) != 1 {
		t.Errorf("something happened: %+v", p.list())
	}
}

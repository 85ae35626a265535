//go:build unix

package actuate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// ecs is a service of Amazon ECS as the AWS CLI shows it.
type ecs struct {
	program
	plan.ECS
	env Env
}

func newECS(e plan.ECS, env Env) *ecs {
	return &ecs{program{name: "aws", args: []string{"--output", "json", "--no-cli-pager"}}, e, env}
}

func (a *ecs) kind() string {
	switch {
	case a.StopTask != "":
		return "ecs stop-task"
	case a.Desired != nil:
		return "ecs update-service"
	}
	return "ecs new deployment"
}

func (a *ecs) check(ctx context.Context) error {
	if err := a.there(); err != nil {
		return err
	}
	var answer struct {
		Services []struct{ Status string }
		Failures []struct{ Reason string }
	}
	if err := a.read(ctx, &answer, "ecs", "describe-services", "--cluster", a.Cluster, "--services", a.Service); err != nil {
		return err
	}
	if len(answer.Services) == 0 {
		return fmt.Errorf("ecs: cluster %s has no service %s", a.Cluster, a.Service)
	}
	if s := answer.Services[0].Status; s != "ACTIVE" {
		return fmt.Errorf("ecs: service %s is %s", a.Service, s)
	}
	return nil
}

func (a *ecs) do(ctx context.Context, s *drill.Scene) error {
	before, err := a.tasks(ctx)
	if err != nil {
		return err
	}
	args, victim, err := a.call(before)
	if err != nil {
		return err
	}
	s.Target(a.Service)
	if victim != "" {
		s.Target(path.Base(victim))
	}
	// Each look is two calls of an API with a rate limit.
	return newTracker(s, before).follow(ctx, a.tasks, 4*a.env.Every, func(ctx context.Context) error {
		if _, err := a.run(ctx, args...); err != nil {
			return err
		}
		_, err := a.run(ctx, "ecs", "wait", "services-stable", "--cluster", a.Cluster, "--services", a.Service)
		return err
	}, func(now []instance) bool {
		there := slices.ContainsFunc(now, func(i instance) bool { return i.id == victim })
		return !there && (a.Desired == nil || len(now) == *a.Desired)
	})
}

// call is the one that makes the event happen, and the task that it is about.
func (a *ecs) call(before []instance) (args []string, victim string, err error) {
	switch {
	case a.StopTask != "":
		if victim, err = a.victim(before); err != nil {
			return nil, "", err
		}
		return []string{"ecs", "stop-task", "--cluster", a.Cluster, "--task", victim, "--reason", "evenkeel drill"}, victim, nil
	case a.Desired != nil:
		args = append(args, "--desired-count", strconv.Itoa(*a.Desired))
	}
	if a.ForceNewDeployment {
		args = append(args, "--force-new-deployment")
	}
	if len(args) == 0 {
		return nil, "", errors.New("ecs: nothing to do")
	}
	return append([]string{"ecs", "update-service", "--cluster", a.Cluster, "--service", a.Service}, args...), "", nil
}

func (a *ecs) victim(before []instance) (string, error) {
	if a.StopTask != "random" {
		return a.StopTask, nil
	}
	running := slices.DeleteFunc(slices.Clone(before), func(i instance) bool { return i.leaving || !i.ready })
	if len(running) == 0 {
		return "", fmt.Errorf("ecs: service %s has no task that runs", a.Service)
	}
	return running[a.env.Rand.IntN(len(running))].id, nil
}

// maxDescribed is how many tasks one call describes.
const maxDescribed = 100

// tasks are those of the service that have not ended.
func (a *ecs) tasks(ctx context.Context) ([]instance, error) {
	var list struct{ TaskArns []string }
	if err := a.read(ctx, &list, "ecs", "list-tasks", "--cluster", a.Cluster, "--service-name", a.Service); err != nil {
		return nil, err
	}
	var all []instance
	for some := range slices.Chunk(list.TaskArns, maxDescribed) {
		var answer struct {
			Tasks []struct{ TaskArn, LastStatus, DesiredStatus, HealthStatus string }
		}
		args := append([]string{"ecs", "describe-tasks", "--cluster", a.Cluster, "--tasks"}, some...)
		if err := a.read(ctx, &answer, args...); err != nil {
			return nil, err
		}
		for _, t := range answer.Tasks {
			if t.LastStatus == "STOPPED" || t.LastStatus == "DELETED" {
				continue
			}
			all = append(all, instance{
				id: t.TaskArn, name: path.Base(t.TaskArn),
				leaving: t.DesiredStatus == "STOPPED",
				// UNKNOWN is that of a task without a health check.
				ready: t.LastStatus == "RUNNING" && t.HealthStatus != "UNHEALTHY",
			})
		}
	}
	return all, nil
}

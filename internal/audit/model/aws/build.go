package aws

import (
	"bytes"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// builder reads the resources of all files, and then joins them.
type builder struct {
	*resource.Set
	aws   *Account
	tasks map[*resource.Resource]*TaskDefinition

	services  map[*resource.Resource]*TaskService
	groups    map[*resource.Resource]*TargetGroup
	balancers map[*resource.Resource]*Balancer
	scalings  map[*resource.Resource]*Scaling
}

// Describe reads what the resources of files say.
func Describe(all *resource.Set, files []*tree.File) *Account {
	b := &builder{Set: all, aws: &Account{}, tasks: map[*resource.Resource]*TaskDefinition{}, services: map[*resource.Resource]*TaskService{},
		groups: map[*resource.Resource]*TargetGroup{}, balancers: map[*resource.Resource]*Balancer{}, scalings: map[*resource.Resource]*Scaling{}}
	for _, f := range files {
		if all.Has(f) || f.Format == tree.HCL {
			b.aws.RolesRead = b.aws.RolesRead || bytes.Contains(f.Data, []byte("aws_iam_")) || bytes.Contains(f.Data, []byte("AWS::IAM::"))
			b.aws.ProtectionMentioned = b.aws.ProtectionMentioned || bytes.Contains(f.Data, []byte("UpdateTaskProtection"))
		}
	}
	// What is referred to comes before what refers to it.
	b.Each("ecs_task_definition", b.task)
	b.Each("lb", b.balancer)
	b.Each("lb_target_group", b.group)
	b.Each("lb_target_group_attributes", b.groupAttributes)
	b.Each("lb_attributes", b.balancerAttributes)
	b.finishGroups()
	b.Each("lb_listener", b.listener)
	b.Each("lb_listener_rule", b.listener)
	b.Each("ecs_service", b.service)
	b.Each("appautoscaling_target", b.scaling)
	b.Each("appautoscaling_policy", b.scalingPolicy)
	b.Each("ecs_capacity_provider", b.provider)
	b.Each("launch_template", b.launchTemplate)
	b.Each("codedeploy_deployment_group", b.codeDeploy)
	b.joinNames()
	b.addTasks()
	return b.aws
}

// joinNames gives names that stand for exactly one thing to what refers to it
// by name: tasks by family, scaling by the service's name.
func (b *builder) joinNames() {
	for _, r := range b.All {
		s := b.services[r]
		if s == nil || s.Task != nil {
			continue
		}
		n := resource.Find(r.Body, "task_definition", "taskDefinition")
		family, _, _ := strings.Cut(n.Text()[strings.LastIndex(n.Text(), "/")+1:], ":")
		if found := only(b.aws.Tasks, func(t *TaskDefinition) bool { return family != "" && t.Name == family }); found != nil {
			s.setTask(found, r)
		}
	}
	for _, r := range b.All {
		scaling := b.scalings[r]
		if scaling == nil {
			continue
		}
		id := resource.Find(r.Body, "resource_id").Text()
		name := id[strings.LastIndex(id, "/")+1:]
		if s := only(b.aws.TaskServices, func(s *TaskService) bool { return name != "" && s.Name == name && s.Scaling == nil }); s != nil {
			s.Scaling = scaling
		}
	}
}

// only is the one of all that fits, nil if there is none or another.
func only[T any](all []*T, fits func(*T) bool) (found *T) {
	for _, one := range all {
		if fits(one) {
			if found != nil {
				return nil
			}
			found = one
		}
	}
	return found
}

// addTasks makes a service of each task definition that has ports and that no
// service was read of: its services are set up elsewhere.
func (b *builder) addTasks() {
	used := map[*TaskDefinition]bool{}
	for _, s := range b.aws.TaskServices {
		used[s.Task] = true
	}
	for _, r := range b.All {
		t := b.tasks[r]
		if t == nil || used[t] || !slices.ContainsFunc(t.Containers, func(c *TaskContainer) bool { return c.Ports }) {
			continue
		}
		s := &TaskService{Node: t.Node, Name: t.Name, Alone: true, Desired: value.Unset[int]("desired_count")}
		s.setTask(t, r)
		b.aws.TaskServices = append(b.aws.TaskServices, s)
	}
}

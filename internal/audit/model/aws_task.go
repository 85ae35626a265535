package model

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func (b *awsBuild) task(r *resource) {
	t := &TaskDefinition{Body: r.editable()}
	t.Node, t.Name = r.name("family")
	launch := texts(find(r.body, "requires_compatibilities"))
	t.Fargate = slices.Equal(launch, []string{"FARGATE"})
	t.EC2 = slices.Equal(launch, []string{"EC2"})
	list := find(r.body, "container_definitions")
	if list != nil && list.Kind == tree.Scalar {
		list = source.JSONWithin(list)
	}
	for _, n := range list.List() {
		if n.Kind == tree.Map {
			t.Containers = append(t.Containers, newTaskContainer(n))
		}
	}
	b.tasks[r] = t
	b.m.AWS.Tasks = append(b.m.AWS.Tasks, t)
}

func newTaskContainer(n *tree.Node) *TaskContainer {
	stop := "stopTimeout"
	if n.Get("Name") != nil {
		stop = "StopTimeout" // CloudFormation's
	}
	c := &TaskContainer{Node: n, Name: find(n, "name").Text(), Image: find(n, "image").Text(),
		Essential:   find(n, "essential").Text() != "false",
		Ports:       len(find(n, "portMappings").List()) > 0,
		StopTimeout: InSeconds(find(n, "stopTimeout"), Of(stop, 30*time.Second)),
		Command:     find(n, "command", "entryPoint"),
		Health:      find(n, "healthCheck.command"),
		Env:         map[string]*tree.Node{},
	}
	entry, command := find(n, "entryPoint"), find(n, "command")
	if c.Words = append(texts(entry), texts(command)...); entry != nil && texts(entry) == nil || command != nil && texts(command) == nil {
		c.Words = nil
	}
	for _, d := range find(n, "dependsOn").List() {
		c.DependsOn = append(c.DependsOn, find(d, "containerName").Text())
	}
	for _, e := range find(n, "environment").List() {
		if name := find(e, "name").Text(); name != "" {
			c.Env[name] = find(e, "value")
		}
	}
	return c
}

func (b *awsBuild) service(r *resource) {
	s := &TaskService{Body: r.editable(), KeepsDesired: keepsDesired(r.body)}
	s.Node, s.Name = r.name("name", "serviceName")
	s.Desired = Int(find(r.body, "desired_count"), unset[int](r.spelled("desired_count")))
	s.HealthGrace = InSeconds(find(r.body, "health_check_grace_period_seconds"), Of(r.spelled("health_check_grace_period_seconds"), time.Duration(0)))
	s.Daemon = find(r.body, "scheduling_strategy").Text() == "DAEMON"
	b.deployment(s, r)
	b.launch(s, r)
	for _, lb := range append(every(r.body, "load_balancer"), every(r.body, "loadBalancers")...) {
		b.target(s, r, lb)
	}
	for _, reg := range append(every(r.body, "service_registries"), every(r.body, "serviceRegistries")...) {
		if !reg.Unknown {
			s.Registries = append(s.Registries, reg)
		}
	}
	if found := b.lookup(r, find(r.body, "task_definition"), "ecs_task_definition"); found != nil {
		s.setTask(b.tasks[found], r)
	}
	b.services[r] = s
	b.m.AWS.TaskServices = append(b.m.AWS.TaskServices, s)
}

func (b *awsBuild) deployment(s *TaskService, r *resource) {
	low, high := "deployment_minimum_healthy_percent", "deployment_maximum_percent"
	if r.spelled("a_b") != "a_b" {
		low, high = r.spelled("minimum_healthy_percent"), r.spelled("maximum_percent")
	}
	s.MinHealthy = Int(find(r.body, "deployment_minimum_healthy_percent", "deployment_configuration.minimum_healthy_percent"), Of(low, 100))
	s.MaxHealthy = Int(find(r.body, "deployment_maximum_percent", "deployment_configuration.maximum_percent"), Of(high, 200))
	controller := find(r.body, "deployment_controller.type")
	if controller.Exists() && controller.Text() != "ECS" || find(r.body, "deployment_configuration.strategy").Text() == "BLUE_GREEN" {
		s.MinHealthy, s.MaxHealthy = unset[int](low), unset[int](high)
	}
	s.Bake = minutes(Int(find(r.body, "deployment_configuration.bake_time_in_minutes"), unset[int]("bake_time_in_minutes")))
}

// codeDeploy joins how long a blue/green deployment of CodeDeploy keeps the old
// tasks.
func (b *awsBuild) codeDeploy(r *resource) {
	found := b.lookup(r, find(r.body, "ecs_service.service_name"), "ecs_service")
	stop := find(r.body, "blue_green_deployment_config.terminate_blue_instances_on_deployment_success")
	wait := Int(find(stop, "termination_wait_time_in_minutes"), unset[int]("termination_wait_time_in_minutes"))
	if found == nil || find(stop, "action").Text() == "KEEP_ALIVE" {
		return
	}
	b.services[found].Bake = minutes(wait)
}

// minutes is a whole number of them as a length.
func minutes(v Value[int]) Value[Duration] {
	const year = 366 * 24 * 60
	out := Value[Duration]{V: time.Duration(v.V) * time.Minute, State: v.State, Node: v.Node, Name: v.Name}
	if v.V < 0 || v.V > year {
		out.V, out.State = 0, Unknown
	}
	return out
}

// target joins what one load balancer of a service says.
func (b *awsBuild) target(s *TaskService, r *resource, lb *tree.Node) {
	if lb.Unknown {
		return
	}
	s.Balanced = true
	if found := b.lookup(r, find(lb, "target_group_arn"), "lb_target_group"); found != nil {
		if g := b.groups[found]; !slices.Contains(s.Groups, g) {
			s.Groups = append(s.Groups, g)
		}
	}
}

// setTask joins a task definition, and finds the container that gets requests.
func (s *TaskService) setTask(t *TaskDefinition, r *resource) {
	s.Task = t
	s.Fargate = s.Fargate || !s.EC2 && t.Fargate
	s.EC2 = s.EC2 || !s.Fargate && t.EC2
	lbs := append(every(r.body, "load_balancer"), every(r.body, "loadBalancers")...)
	var essential, open []*TaskContainer
	for _, c := range t.Containers {
		for _, lb := range lbs {
			if c.Name != "" && find(lb, "container_name").Text() == c.Name {
				s.Main = c
				return
			}
		}
		if c.Essential {
			essential = append(essential, c)
		}
		if c.Ports {
			open = append(open, c)
		}
	}
	switch {
	case len(t.Containers) == 1:
		s.Main = t.Containers[0]
	case len(essential) == 1:
		s.Main = essential[0]
	case len(open) == 1:
		s.Main = open[0]
	}
}

// Infrastructure reports whether what serves is a store, a broker or a tool.
func (s *TaskService) Infrastructure() bool {
	if s.Main == nil {
		return false
	}
	name, _ := (&Container{Image: s.Main.Image}).ImageName()
	return known[name] || strings.HasSuffix(name, "-exporter")
}

// keepsDesired reports whether Terraform ignores changes of the number of tasks.
func keepsDesired(body *tree.Node) bool {
	n := find(body, "lifecycle.ignore_changes")
	if n == nil {
		return false
	}
	return n.Value == "all" || slices.ContainsFunc(n.List(), func(c *tree.Node) bool { return c.Value == "desired_count" })
}

// launch reads what runs the tasks: the service's own strategy, or else its
// cluster's.
func (b *awsBuild) launch(s *TaskService, r *resource) {
	switch find(r.body, "launch_type").Text() {
	case "FARGATE":
		s.Fargate = true
		return
	case "EC2":
		s.EC2 = true
		return
	}
	strategy := append(every(r.body, "capacity_provider_strategy"), every(r.body, "capacityProviderStrategy")...)
	if len(strategy) == 0 {
		strategy = b.clusterStrategy(r)
	}
	for _, p := range strategy {
		weight, base := Int(find(p, "weight"), Of("weight", 0)), Int(find(p, "base"), Of("base", 0))
		used := weight.Known() && base.Known() && weight.V+base.V > 0
		switch find(p, "capacity_provider").Text() {
		case "FARGATE":
			s.Fargate = true
			s.OnDemand = base
		case "FARGATE_SPOT":
			s.Fargate = true
			if used {
				s.Spot = p
			}
		}
	}
}

// clusterStrategy is the default strategy of the service's cluster.
func (b *awsBuild) clusterStrategy(r *resource) []*tree.Node {
	cluster := b.lookup(r, find(r.body, "cluster"), "ecs_cluster")
	for _, other := range b.all {
		if other.kind != "ecs_cluster_capacity_providers" && other.kind != "ecs_cluster" {
			continue
		}
		name := find(other.body, "cluster_name", "cluster")
		if cluster != nil && (other == cluster || b.lookup(other, name, "ecs_cluster") == cluster) {
			if all := append(every(other.body, "default_capacity_provider_strategy"), every(other.body, "defaultCapacityProviderStrategy")...); len(all) > 0 {
				return all
			}
		}
	}
	return nil
}

package aws

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func (b *builder) task(r *resource.Resource) {
	t := &TaskDefinition{Body: r.Editable()}
	t.Node, t.Name = r.Name("family")
	launch := resource.Texts(resource.Find(r.Body, "requires_compatibilities"))
	t.Fargate = slices.Equal(launch, []string{"FARGATE"})
	t.EC2 = slices.Equal(launch, []string{"EC2"})
	list := resource.Find(r.Body, "container_definitions")
	if list != nil && list.Kind == tree.Scalar {
		list = source.JSONWithin(list)
	}
	for _, n := range list.List() {
		if n.Kind == tree.Map {
			t.Containers = append(t.Containers, newTaskContainer(n))
		}
	}
	b.tasks[r] = t
	b.aws.Tasks = append(b.aws.Tasks, t)
}

func newTaskContainer(n *tree.Node) *TaskContainer {
	stop := "stopTimeout"
	if n.Get("Name") != nil {
		stop = "StopTimeout" // CloudFormation's
	}
	c := &TaskContainer{Node: n, Name: resource.Find(n, "name").Text(), Image: resource.Find(n, "image").Text(),
		Essential:   resource.Find(n, "essential").Text() != "false",
		Ports:       len(resource.Find(n, "portMappings").List()) > 0,
		StopTimeout: value.InSeconds(resource.Find(n, "stopTimeout"), value.Of(stop, 30*time.Second)),
		Command:     resource.Find(n, "command", "entryPoint"),
		Health:      resource.Find(n, "healthCheck.command"),
		Env:         map[string]*tree.Node{},
	}
	entry, command := resource.Find(n, "entryPoint"), resource.Find(n, "command")
	if c.Words = append(resource.Texts(entry), resource.Texts(command)...); entry != nil && resource.Texts(entry) == nil || command != nil && resource.Texts(command) == nil {
		c.Words = nil
	}
	for _, d := range resource.Find(n, "dependsOn").List() {
		c.DependsOn = append(c.DependsOn, resource.Find(d, "containerName").Text())
	}
	for _, e := range resource.Find(n, "environment").List() {
		if name := resource.Find(e, "name").Text(); name != "" {
			c.Env[name] = resource.Find(e, "value")
		}
	}
	return c
}

func (b *builder) service(r *resource.Resource) {
	s := &TaskService{Body: r.Editable(), KeepsDesired: keepsDesired(r.Body)}
	s.Node, s.Name = r.Name("name", "serviceName")
	s.Desired = value.Int(resource.Find(r.Body, "desired_count"), value.Unset[int](r.Spelled("desired_count")))
	s.HealthGrace = value.InSeconds(resource.Find(r.Body, "health_check_grace_period_seconds"), value.Of(r.Spelled("health_check_grace_period_seconds"), time.Duration(0)))
	s.Daemon = resource.Find(r.Body, "scheduling_strategy").Text() == "DAEMON"
	b.deployment(s, r)
	b.launch(s, r)
	for _, lb := range append(resource.Every(r.Body, "load_balancer"), resource.Every(r.Body, "loadBalancers")...) {
		b.target(s, r, lb)
	}
	for _, reg := range append(resource.Every(r.Body, "service_registries"), resource.Every(r.Body, "serviceRegistries")...) {
		if !reg.Unknown {
			s.Registries = append(s.Registries, reg)
		}
	}
	if found := b.Lookup(r, resource.Find(r.Body, "task_definition"), "ecs_task_definition"); found != nil {
		s.setTask(b.tasks[found], r)
	}
	b.services[r] = s
	b.aws.TaskServices = append(b.aws.TaskServices, s)
}

func (b *builder) deployment(s *TaskService, r *resource.Resource) {
	low, high := "deployment_minimum_healthy_percent", "deployment_maximum_percent"
	if r.Spelled("a_b") != "a_b" {
		low, high = r.Spelled("minimum_healthy_percent"), r.Spelled("maximum_percent")
	}
	s.MinHealthy = value.Int(resource.Find(r.Body, "deployment_minimum_healthy_percent", "deployment_configuration.minimum_healthy_percent"), value.Of(low, 100))
	s.MaxHealthy = value.Int(resource.Find(r.Body, "deployment_maximum_percent", "deployment_configuration.maximum_percent"), value.Of(high, 200))
	controller := resource.Find(r.Body, "deployment_controller.type")
	if controller.Exists() && controller.Text() != "ECS" || resource.Find(r.Body, "deployment_configuration.strategy").Text() == "BLUE_GREEN" {
		s.MinHealthy, s.MaxHealthy = value.Unset[int](low), value.Unset[int](high)
	}
	s.Bake = minutes(value.Int(resource.Find(r.Body, "deployment_configuration.bake_time_in_minutes"), value.Unset[int]("bake_time_in_minutes")))
}

// codeDeploy joins how long a blue/green deployment of CodeDeploy keeps the old
// tasks.
func (b *builder) codeDeploy(r *resource.Resource) {
	found := b.Lookup(r, resource.Find(r.Body, "ecs_service.service_name"), "ecs_service")
	stop := resource.Find(r.Body, "blue_green_deployment_config.terminate_blue_instances_on_deployment_success")
	wait := value.Int(resource.Find(stop, "termination_wait_time_in_minutes"), value.Unset[int]("termination_wait_time_in_minutes"))
	if found == nil || resource.Find(stop, "action").Text() == "KEEP_ALIVE" {
		return
	}
	b.services[found].Bake = minutes(wait)
}

// minutes is a whole number of them as a length.
func minutes(v value.Value[int]) value.Value[time.Duration] {
	const year = 366 * 24 * 60
	out := value.Value[time.Duration]{V: time.Duration(v.V) * time.Minute, State: v.State, Node: v.Node, Name: v.Name}
	if v.V < 0 || v.V > year {
		out.V, out.State = 0, value.Unknown
	}
	return out
}

// target joins what one load balancer of a service says.
func (b *builder) target(s *TaskService, r *resource.Resource, lb *tree.Node) {
	if lb.Unknown {
		return
	}
	s.Balanced = true
	if found := b.Lookup(r, resource.Find(lb, "target_group_arn"), "lb_target_group"); found != nil {
		if g := b.groups[found]; !slices.Contains(s.Groups, g) {
			s.Groups = append(s.Groups, g)
		}
	}
}

// setTask joins a task definition, and finds the container that gets requests.
func (s *TaskService) setTask(t *TaskDefinition, r *resource.Resource) {
	s.Task = t
	s.Fargate = s.Fargate || !s.EC2 && t.Fargate
	s.EC2 = s.EC2 || !s.Fargate && t.EC2
	lbs := append(resource.Every(r.Body, "load_balancer"), resource.Every(r.Body, "loadBalancers")...)
	var essential, open []*TaskContainer
	for _, c := range t.Containers {
		for _, lb := range lbs {
			if c.Name != "" && resource.Find(lb, "container_name").Text() == c.Name {
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
	name, _ := image.Name(s.Main.Image)
	return image.Known[name] || strings.HasSuffix(name, "-exporter")
}

// keepsDesired reports whether Terraform ignores changes of the number of tasks.
func keepsDesired(body *tree.Node) bool {
	n := resource.Find(body, "lifecycle.ignore_changes")
	if n == nil {
		return false
	}
	return n.Value == "all" || slices.ContainsFunc(n.List(), func(c *tree.Node) bool { return c.Value == "desired_count" })
}

// launch reads what runs the tasks: the service's own strategy, or else its
// cluster's.
func (b *builder) launch(s *TaskService, r *resource.Resource) {
	switch resource.Find(r.Body, "launch_type").Text() {
	case "FARGATE":
		s.Fargate = true
		return
	case "EC2":
		s.EC2 = true
		return
	}
	strategy := append(resource.Every(r.Body, "capacity_provider_strategy"), resource.Every(r.Body, "capacityProviderStrategy")...)
	if len(strategy) == 0 {
		strategy = b.clusterStrategy(r)
	}
	for _, p := range strategy {
		weight, base := value.Int(resource.Find(p, "weight"), value.Of("weight", 0)), value.Int(resource.Find(p, "base"), value.Of("base", 0))
		used := weight.Known() && base.Known() && weight.V+base.V > 0
		switch resource.Find(p, "capacity_provider").Text() {
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
func (b *builder) clusterStrategy(r *resource.Resource) []*tree.Node {
	cluster := b.Lookup(r, resource.Find(r.Body, "cluster"), "ecs_cluster")
	for _, other := range b.All {
		if other.Kind != "ecs_cluster_capacity_providers" && other.Kind != "ecs_cluster" {
			continue
		}
		name := resource.Find(other.Body, "cluster_name", "cluster")
		if cluster != nil && (other == cluster || b.Lookup(other, name, "ecs_cluster") == cluster) {
			if all := append(resource.Every(other.Body, "default_capacity_provider_strategy"), resource.Every(other.Body, "defaultCapacityProviderStrategy")...); len(all) > 0 {
				return all
			}
		}
	}
	return nil
}

// Balancers are those in front of s, each once.
func (s *TaskService) Balancers() (all []*Balancer) {
	for _, g := range s.Groups {
		for _, l := range g.Balancers {
			if !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return all
}

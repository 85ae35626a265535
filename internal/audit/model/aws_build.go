package model

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// awsBuild reads the resources of all files, and then joins them.
type awsBuild struct {
	m     *Model
	all   []*resource
	byKey map[string]*resource // nil: two of the same key
	tasks map[*resource]*TaskDefinition

	services  map[*resource]*TaskService
	groups    map[*resource]*TargetGroup
	balancers map[*resource]*Balancer
	scalings  map[*resource]*Scaling
}

func buildAWS(m *Model, files []*tree.File) {
	b := &awsBuild{m: m, byKey: map[string]*resource{}, tasks: map[*resource]*TaskDefinition{}, services: map[*resource]*TaskService{},
		groups: map[*resource]*TargetGroup{}, balancers: map[*resource]*Balancer{}, scalings: map[*resource]*Scaling{}}
	m.AWS.found = b
	for _, f := range files {
		found := resources(f)
		b.all = append(b.all, found...)
		if len(found) > 0 || f.Format == tree.HCL {
			m.AWS.RolesRead = m.AWS.RolesRead || bytes.Contains(f.Data, []byte("aws_iam_")) || bytes.Contains(f.Data, []byte("AWS::IAM::"))
			m.AWS.ProtectionMentioned = m.AWS.ProtectionMentioned || bytes.Contains(f.Data, []byte("UpdateTaskProtection"))
		}
	}
	for _, r := range b.all {
		for _, k := range r.keys {
			if b.byKey[k] == nil {
				b.byKey[k] = r
			}
		}
	}
	// What is referred to comes before what refers to it.
	b.each("ecs_task_definition", b.task)
	b.each("lb", b.balancer)
	b.each("lb_target_group", b.group)
	b.each("lb_target_group_attributes", b.groupAttributes)
	b.each("lb_attributes", b.balancerAttributes)
	b.finishGroups()
	b.each("lb_listener", b.listener)
	b.each("lb_listener_rule", b.listener)
	b.each("ecs_service", b.service)
	b.each("appautoscaling_target", b.scaling)
	b.each("appautoscaling_policy", b.scalingPolicy)
	b.each("ecs_capacity_provider", b.provider)
	b.each("launch_template", b.launchTemplate)
	b.each("codedeploy_deployment_group", b.codeDeploy)
	b.joinNames()
	b.addTasks()
	b.addServices()
}

func (b *awsBuild) each(kind string, read func(*resource)) {
	for _, r := range b.all {
		if r.kind == kind {
			read(r)
		}
	}
}

// lookup is the resource of kind that n, a setting of r, refers to; nil if that
// is not decided.
func (b *awsBuild) lookup(r *resource, n *tree.Node, kind string) *resource {
	for _, ref := range refsWithin(n) {
		if found := b.byKey[key(ref.Scope, address(ref.Path))]; found != nil && found.kind == kind {
			return found
		}
	}
	if text := n.Text(); text != "" {
		if found := b.byKey[key("", text)]; found != nil && found.kind == kind {
			return found
		}
		if found := b.byKey[key("", groupName(text))]; found != nil && found.kind == kind {
			return found
		}
		return nil
	}
	for _, ref := range r.planned {
		if found := b.byKey[key(r.scope, address(ref))]; found != nil && found.kind == kind {
			return found
		}
	}
	return nil
}

// groupName is the name in the ARN of a target group, as a key.
func groupName(arn string) string {
	_, rest, ok := strings.Cut(arn, ":targetgroup/")
	name, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return "targetgroup/" + name
}

func refsWithin(n *tree.Node) []tree.Ref {
	if n == nil {
		return nil
	}
	return n.Refs
}

// address is the resource in a reference: aws_lb.shop of aws_lb.shop[0].arn,
// and of CloudFormation's Shop.Arn Shop.
func address(path string) string {
	steps := strings.Split(withoutIndex(path), ".")
	i := 0
	for i+1 < len(steps) && steps[i] == "module" {
		i += 2
	}
	if i < len(steps) && strings.HasPrefix(steps[i], "aws_") {
		return strings.Join(steps[:min(i+2, len(steps))], ".")
	}
	return steps[0]
}

// withoutIndex is an address without [0] and ["a"].
func withoutIndex(address string) string {
	var s strings.Builder
	depth := 0
	for _, r := range address {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			s.WriteRune(r)
		}
	}
	return s.String()
}

// editable is where settings of r may be added; nil for what the aws command shows,
// which nobody edits, and for a plan.
func (r *resource) editable() *tree.Node {
	if r.plan || r.shown && r.node.Parent != nil {
		return nil
	}
	return r.body
}

func (r *resource) inTemplate() bool { return r.node.Get("Type").Text() != "" && r.body != r.node }

// spelled is a setting's name, given as Terraform spells it, in the language
// of r.
func (r *resource) spelled(name string) string {
	switch {
	case r.shown:
		return camel(name, !strings.HasPrefix(r.kind, "ecs_"))
	case r.inTemplate():
		return camel(name, true)
	}
	return name
}

func camel(name string, upper bool) string {
	var s strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		if upper && part != "" {
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		upper = true
		s.WriteString(part)
	}
	return s.String()
}

// unset is a value that nothing sets and whose default is not known.
func unset[T any](name string) Value[T] { return Value[T]{Name: name, State: Unknown} }

// joinNames gives names that stand for exactly one thing to what refers to it
// by name: tasks by family, scaling by the service's name.
func (b *awsBuild) joinNames() {
	for _, r := range b.all {
		s := b.services[r]
		if s == nil || s.Task != nil {
			continue
		}
		n := find(r.body, "task_definition", "taskDefinition")
		family, _, _ := strings.Cut(n.Text()[strings.LastIndex(n.Text(), "/")+1:], ":")
		if found := only(b.m.AWS.Tasks, func(t *TaskDefinition) bool { return family != "" && t.Name == family }); found != nil {
			s.setTask(found, r)
		}
	}
	for _, r := range b.all {
		scaling := b.scalings[r]
		if scaling == nil {
			continue
		}
		id := find(r.body, "resource_id").Text()
		name := id[strings.LastIndex(id, "/")+1:]
		if s := only(b.m.AWS.TaskServices, func(s *TaskService) bool { return name != "" && s.Name == name && s.Scaling == nil }); s != nil {
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
func (b *awsBuild) addTasks() {
	used := map[*TaskDefinition]bool{}
	for _, s := range b.m.AWS.TaskServices {
		used[s.Task] = true
	}
	for _, r := range b.all {
		t := b.tasks[r]
		if t == nil || used[t] || !slices.ContainsFunc(t.Containers, func(c *TaskContainer) bool { return c.Ports }) {
			continue
		}
		s := &TaskService{Node: t.Node, Name: t.Name, Alone: true, Desired: unset[int]("desired_count")}
		s.setTask(t, r)
		b.m.AWS.TaskServices = append(b.m.AWS.TaskServices, s)
	}
}

// addServices makes a Service of each ECS service.
func (b *awsBuild) addServices() {
	for _, t := range b.m.AWS.TaskServices {
		kind := "ECS service"
		if t.Alone {
			kind = "ECS task"
		}
		s := &Service{Platform: ECS, Kind: kind, Name: t.Name, Node: t.Node, Task: t, Replicas: t.Desired,
			Grace: Value[Duration]{Name: "stopTimeout", State: Unknown}, PreStop: Value[Duration]{}}
		if t.Main != nil {
			s.Grace = t.Main.StopTimeout
		}
		if t.Scaling != nil && (t.Scaling.Min.Known() || !s.Replicas.Known()) {
			s.Replicas = t.Scaling.Min
		}
		for _, g := range t.Groups {
			kind := ALB
			if g.Network {
				kind = NLB
			}
			s.Routers = append(s.Routers, &Router{Kind: kind, Node: g.Node, Window: balancerWindow})
			if !slices.Contains(g.Services, s) {
				g.Services = append(g.Services, s)
			}
		}
		b.m.Services = append(b.m.Services, s)
	}
}

// balancerWindow is how long a balancer of AWS may send to a target that it
// took out: it was seen sending for a few seconds (aws-load-balancer-controller
// issues 1064, 2366, 3270).
const balancerWindow = 5 * time.Second

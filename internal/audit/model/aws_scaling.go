package model

import (
	"path"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func (b *awsBuild) scaling(r *resource) {
	if ns := find(r.body, "service_namespace").Text(); ns != "" && ns != "ecs" {
		return
	}
	s := &Scaling{Node: r.node, Name: r.label}
	if id := find(r.body, "resource_id"); id.Text() != "" {
		s.Node, s.Name = id, path.Base(id.Text())
	}
	s.Min = Int(find(r.body, "min_capacity"), unset[int](r.spelled("min_capacity")))
	s.Max = Int(find(r.body, "max_capacity"), unset[int](r.spelled("max_capacity")))
	b.scalings[r] = s
	b.m.AWS.Scalings = append(b.m.AWS.Scalings, s)
	if found := b.lookup(r, find(r.body, "resource_id"), "ecs_service"); found != nil && b.services[found].Scaling == nil {
		b.services[found].Scaling = s
	}
}

func (b *awsBuild) scalingPolicy(r *resource) {
	if ns := find(r.body, "service_namespace").Text(); ns != "" && ns != "ecs" {
		return
	}
	node, label := r.name("name", "policy_name")
	p := &ScalingPolicy{Node: node, Name: label}
	const tracking = "target_tracking_scaling_policy_configuration"
	p.InCooldown = InSeconds(find(r.body, tracking+".scale_in_cooldown"), unset[Duration](r.spelled("scale_in_cooldown")))
	b.steps(p, r)
	s := b.scaledBy(r)
	if s == nil {
		s = b.policyAlone(r)
	}
	if s != nil {
		s.Policies = append(s.Policies, p)
	}
}

// policyAlone is a scalable target that was not read, of the service that a
// policy names; nil if there is no such service.
func (b *awsBuild) policyAlone(r *resource) *Scaling {
	id := find(r.body, "resource_id").Text()
	s := only(b.m.AWS.TaskServices, func(s *TaskService) bool { return id != "" && s.Name == path.Base(id) && s.Scaling == nil })
	if s == nil {
		return nil
	}
	s.Scaling = &Scaling{Node: r.node, Name: s.Name, Min: unset[int]("min_capacity"), Max: unset[int]("max_capacity")}
	b.m.AWS.Scalings = append(b.m.AWS.Scalings, s.Scaling)
	return s.Scaling
}

// steps reads a step policy: those that take tasks away have its cooldown.
func (b *awsBuild) steps(p *ScalingPolicy, r *resource) {
	config := first(find(r.body, "step_scaling_policy_configuration"))
	if config == nil {
		return
	}
	kind := find(config, "adjustment_type").Text()
	for _, step := range append(every(config, "step_adjustment"), every(config, "step_adjustments")...) {
		by := Int(find(step, "scaling_adjustment"), unset[int]("scaling_adjustment"))
		if by.Written() && (kind == "ChangeInCapacity" || kind == "PercentChangeInCapacity") {
			p.Steps = append(p.Steps, ScalingStep{Node: by.Node, Adjustment: by.V, Percent: kind == "PercentChangeInCapacity"})
			if by.V < 0 {
				p.InCooldown = InSeconds(find(config, "cooldown"), unset[Duration](r.spelled("cooldown")))
			}
		}
	}
}

// scaledBy is the scalable target of a policy.
func (b *awsBuild) scaledBy(r *resource) *Scaling {
	n := find(r.body, "scaling_target_id", "resource_id")
	if found := b.lookup(r, n, "appautoscaling_target"); found != nil {
		return b.scalings[found]
	}
	if s := b.lookup(r, n, "ecs_service"); s != nil {
		return b.services[s].Scaling
	}
	name := n.Text()[strings.LastIndex(n.Text(), "/")+1:]
	return only(b.m.AWS.Scalings, func(s *Scaling) bool { return name != "" && s.Name == name })
}

func (b *awsBuild) provider(r *resource) {
	group := first(find(r.body, "auto_scaling_group_provider"))
	if group == nil || group.Kind != tree.Map {
		return
	}
	p := &CapacityProvider{}
	p.Node, p.Name = r.name("name")
	if r.editable() != nil {
		p.Body = group
	}
	p.Draining = Text(find(group, "managed_draining"), unset[string](r.spelled("managed_draining")))
	p.Protection = Text(find(group, "managed_termination_protection"), Of(r.spelled("managed_termination_protection"), "DISABLED"))
	scaling := find(group, "managed_scaling")
	p.ManagedScaling = Text(find(scaling, "status"), unset[string]("status"))
	if scaling == nil && !group.Unknown {
		p.ManagedScaling = Of(r.spelled("managed_scaling"), "DISABLED")
	}
	p.GroupProtects = Value[bool]{State: Unknown}
	if found := b.lookup(r, find(group, "auto_scaling_group_arn"), "autoscaling_group"); found != nil {
		p.GroupProtects = Bool(find(found.body, "protect_from_scale_in", "new_instances_protected_from_scale_in"), Of("protect_from_scale_in", false))
	}
	b.m.AWS.Providers = append(b.m.AWS.Providers, p)
}

// launchTemplate keeps those whose market is Spot's.
func (b *awsBuild) launchTemplate(r *resource) {
	market := find(r.body, "instance_market_options.market_type", "launch_template_data.instance_market_options.market_type")
	if market.Text() != "spot" {
		return
	}
	s := &SpotInstances{}
	s.Node, s.Name = r.name("name", "name_prefix", "launch_template_name")
	s.UserData = Text(find(r.body, "user_data", "launch_template_data.user_data"), unset[string](r.spelled("user_data")))
	b.m.AWS.Instances = append(b.m.AWS.Instances, s)
}

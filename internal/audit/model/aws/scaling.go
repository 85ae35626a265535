package aws

import (
	"path"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func (b *builder) scaling(r *resource.Resource) {
	if ns := resource.Find(r.Body, "service_namespace").Text(); ns != "" && ns != "ecs" {
		return
	}
	s := &Scaling{Node: r.Node, Name: r.Label}
	if id := resource.Find(r.Body, "resource_id"); id.Text() != "" {
		s.Node, s.Name = id, path.Base(id.Text())
	}
	s.Min = value.Int(resource.Find(r.Body, "min_capacity"), value.Unset[int](r.Spelled("min_capacity")))
	s.Max = value.Int(resource.Find(r.Body, "max_capacity"), value.Unset[int](r.Spelled("max_capacity")))
	b.scalings[r] = s
	b.aws.Scalings = append(b.aws.Scalings, s)
	if found := b.Lookup(r, resource.Find(r.Body, "resource_id"), "ecs_service"); found != nil && b.services[found].Scaling == nil {
		b.services[found].Scaling = s
	}
}

func (b *builder) scalingPolicy(r *resource.Resource) {
	if ns := resource.Find(r.Body, "service_namespace").Text(); ns != "" && ns != "ecs" {
		return
	}
	node, label := r.Name("name", "policy_name")
	p := &ScalingPolicy{Node: node, Name: label}
	const tracking = "target_tracking_scaling_policy_configuration"
	p.InCooldown = value.InSeconds(resource.Find(r.Body, tracking+".scale_in_cooldown"), value.Unset[time.Duration](r.Spelled("scale_in_cooldown")))
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
func (b *builder) policyAlone(r *resource.Resource) *Scaling {
	id := resource.Find(r.Body, "resource_id").Text()
	s := only(b.aws.TaskServices, func(s *TaskService) bool { return id != "" && s.Name == path.Base(id) && s.Scaling == nil })
	if s == nil {
		return nil
	}
	s.Scaling = &Scaling{Node: r.Node, Name: s.Name, Min: value.Unset[int]("min_capacity"), Max: value.Unset[int]("max_capacity")}
	b.aws.Scalings = append(b.aws.Scalings, s.Scaling)
	return s.Scaling
}

// steps reads a step policy: those that take tasks away have its cooldown.
func (b *builder) steps(p *ScalingPolicy, r *resource.Resource) {
	config := resource.First(resource.Find(r.Body, "step_scaling_policy_configuration"))
	if config == nil {
		return
	}
	kind := resource.Find(config, "adjustment_type").Text()
	for _, step := range append(resource.Every(config, "step_adjustment"), resource.Every(config, "step_adjustments")...) {
		by := value.Int(resource.Find(step, "scaling_adjustment"), value.Unset[int]("scaling_adjustment"))
		if by.Written() && (kind == "ChangeInCapacity" || kind == "PercentChangeInCapacity") {
			p.Steps = append(p.Steps, ScalingStep{Node: by.Node, Adjustment: by.V, Percent: kind == "PercentChangeInCapacity"})
			if by.V < 0 {
				p.InCooldown = value.InSeconds(resource.Find(config, "cooldown"), value.Unset[time.Duration](r.Spelled("cooldown")))
			}
		}
	}
}

// scaledBy is the scalable target of a policy.
func (b *builder) scaledBy(r *resource.Resource) *Scaling {
	n := resource.Find(r.Body, "scaling_target_id", "resource_id")
	if found := b.Lookup(r, n, "appautoscaling_target"); found != nil {
		return b.scalings[found]
	}
	if s := b.Lookup(r, n, "ecs_service"); s != nil {
		return b.services[s].Scaling
	}
	name := n.Text()[strings.LastIndex(n.Text(), "/")+1:]
	return only(b.aws.Scalings, func(s *Scaling) bool { return name != "" && s.Name == name })
}

func (b *builder) provider(r *resource.Resource) {
	group := resource.First(resource.Find(r.Body, "auto_scaling_group_provider"))
	if group == nil || group.Kind != tree.Map {
		return
	}
	p := &CapacityProvider{}
	p.Node, p.Name = r.Name("name")
	if r.Editable() != nil {
		p.Body = group
	}
	p.Draining = value.Text(resource.Find(group, "managed_draining"), value.Unset[string](r.Spelled("managed_draining")))
	p.Protection = value.Text(resource.Find(group, "managed_termination_protection"), value.Of(r.Spelled("managed_termination_protection"), "DISABLED"))
	scaling := resource.Find(group, "managed_scaling")
	p.ManagedScaling = value.Text(resource.Find(scaling, "status"), value.Unset[string]("status"))
	if scaling == nil && !group.Unknown {
		p.ManagedScaling = value.Of(r.Spelled("managed_scaling"), "DISABLED")
	}
	p.GroupProtects = value.Value[bool]{State: value.Unknown}
	if found := b.Lookup(r, resource.Find(group, "auto_scaling_group_arn"), "autoscaling_group"); found != nil {
		p.GroupProtects = value.Bool(resource.Find(found.Body, "protect_from_scale_in", "new_instances_protected_from_scale_in"), value.Of("protect_from_scale_in", false))
	}
	b.aws.Providers = append(b.aws.Providers, p)
}

// launchTemplate keeps those whose market is Spot's.
func (b *builder) launchTemplate(r *resource.Resource) {
	market := resource.Find(r.Body, "instance_market_options.market_type", "launch_template_data.instance_market_options.market_type")
	if market.Text() != "spot" {
		return
	}
	s := &SpotInstances{}
	s.Node, s.Name = r.Name("name", "name_prefix", "launch_template_name")
	s.UserData = value.Text(resource.Find(r.Body, "user_data", "launch_template_data.user_data"), value.Unset[string](r.Spelled("user_data")))
	b.aws.Instances = append(b.aws.Instances, s)
}

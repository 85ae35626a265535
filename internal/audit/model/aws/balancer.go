package aws

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func (b *builder) balancer(r *resource.Resource) {
	l := &Balancer{Body: r.Editable()}
	l.Node, l.Name = r.Name("name", "LoadBalancerName")
	switch resource.Find(r.Body, "load_balancer_type", "type").Text() {
	case "network", "gateway":
		l.Network = true
	}
	const attribute = "idle_timeout.timeout_seconds"
	if r.Flat() {
		l.IdleTimeout = value.InSeconds(resource.Find(r.Body, "idle_timeout"), value.Of("idle_timeout", 60*time.Second))
	} else {
		l.takeAttributes(resource.Find(r.Body, "load_balancer_attributes"))
		if r.Shown {
			l.IdleTimeout = value.Unset[time.Duration](attribute)
		}
	}
	b.balancers[r] = l
	b.aws.Balancers = append(b.aws.Balancers, l)
}

func (l *Balancer) takeAttributes(list *tree.Node) {
	const attribute = "idle_timeout.timeout_seconds"
	l.IdleTimeout = value.Of(attribute, 60*time.Second)
	for _, a := range list.List() {
		if resource.Find(a, "key").Text() == attribute {
			l.IdleTimeout = value.InSeconds(resource.Find(a, "value"), l.IdleTimeout)
		}
	}
}

// balancerAttributes joins the answer of describe-load-balancer-attributes to
// the only balancer, or else to none.
func (b *builder) balancerAttributes(r *resource.Resource) {
	if shown := b.aws.Balancers; len(shown) == 1 && shown[0].Body == nil {
		shown[0].takeAttributes(r.Node)
		return
	}
	l := &Balancer{Node: r.Node, Name: "of " + r.Node.Doc.File.Name}
	l.takeAttributes(r.Node)
	l.Network = !l.IdleTimeout.Written() // an NLB has no such attribute
	b.aws.Balancers = append(b.aws.Balancers, l)
}

// listener reads the actions of a listener or of one of its rules, and joins
// its target groups to its balancer.
func (b *builder) listener(r *resource.Resource) {
	node, name := r.Name("ListenerArn", "RuleArn")
	owner := b.Lookup(r, resource.Find(r.Body, "load_balancer_arn"), "lb")
	if l := b.Lookup(r, resource.Find(r.Body, "listener_arn"), "lb_listener"); owner == nil && l != nil {
		owner = b.Lookup(l, resource.Find(l.Body, "load_balancer_arn"), "lb")
	}
	if owner == nil && r.Shown {
		owner = b.onlyShownBalancer()
	}
	var actions []*tree.Node
	for _, list := range []string{"default_action", "defaultActions", "action", "actions"} {
		actions = append(actions, resource.Every(r.Body, list)...)
	}
	for _, a := range actions {
		f := &Forward{Node: node, Body: a, Name: name, Sticky: value.Of("stickiness.enabled", false)}
		b.forward(f, r, a)
		for _, g := range f.Groups {
			if owner != nil && g.Group != nil && !slices.Contains(g.Group.Balancers, b.balancers[owner]) {
				g.Group.Balancers = append(g.Group.Balancers, b.balancers[owner])
			}
		}
		if owner != nil {
			f.Network = b.balancers[owner].Network
		}
		if len(f.Groups) > 0 {
			b.aws.Forwards = append(b.aws.Forwards, f)
		}
	}
}

func (b *builder) onlyShownBalancer() (found *resource.Resource) {
	for r := range b.balancers {
		if r.Shown {
			if found != nil {
				return nil
			}
			found = r
		}
	}
	return found
}

func (b *builder) forward(f *Forward, r *resource.Resource, action *tree.Node) {
	add := func(n *tree.Node, weight value.Value[int]) {
		g := ForwardGroup{Weight: weight}
		if found := b.Lookup(r, n, "lb_target_group"); found != nil {
			g.Group = b.groups[found]
		}
		f.Groups = append(f.Groups, g)
	}
	config := resource.First(resource.Find(action, "forward", "forward_config"))
	if config == nil || config.Kind != tree.Map {
		if arn := resource.Find(action, "target_group_arn"); arn != nil {
			add(arn, value.Of("weight", 1))
		}
		return
	}
	f.Node, f.Body = config, config
	for _, g := range append(resource.Every(config, "target_group"), resource.Every(config, "target_groups")...) {
		add(resource.Find(g, "arn", "target_group_arn"), value.Int(resource.Find(g, "weight"), value.Of("weight", 1)))
	}
	sticky := resource.Find(config, "stickiness", "target_group_stickiness_config")
	f.Sticky = value.Bool(resource.Find(sticky, "enabled"), value.Of("stickiness.enabled", false))
	if config.Unknown || sticky != nil && sticky.Unknown {
		f.Sticky.State = value.Unknown
	}
}

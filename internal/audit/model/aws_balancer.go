package model

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func (b *awsBuild) balancer(r *resource) {
	l := &Balancer{Body: r.editable()}
	l.Node, l.Name = r.name("name", "LoadBalancerName")
	switch find(r.body, "load_balancer_type", "type").Text() {
	case "network", "gateway":
		l.Network = true
	}
	const attribute = "idle_timeout.timeout_seconds"
	if r.flat() {
		l.IdleTimeout = InSeconds(find(r.body, "idle_timeout"), Of("idle_timeout", 60*time.Second))
	} else {
		l.takeAttributes(find(r.body, "load_balancer_attributes"))
		if r.shown {
			l.IdleTimeout = unset[Duration](attribute)
		}
	}
	b.balancers[r] = l
	b.m.AWS.Balancers = append(b.m.AWS.Balancers, l)
}

func (l *Balancer) takeAttributes(list *tree.Node) {
	const attribute = "idle_timeout.timeout_seconds"
	l.IdleTimeout = Of(attribute, 60*time.Second)
	for _, a := range list.List() {
		if find(a, "key").Text() == attribute {
			l.IdleTimeout = InSeconds(find(a, "value"), l.IdleTimeout)
		}
	}
}

// balancerAttributes joins the answer of describe-load-balancer-attributes to
// the only balancer, or else to none.
func (b *awsBuild) balancerAttributes(r *resource) {
	if shown := b.m.AWS.Balancers; len(shown) == 1 && shown[0].Body == nil {
		shown[0].takeAttributes(r.node)
		return
	}
	l := &Balancer{Node: r.node, Name: "of " + r.node.Doc.File.Name}
	l.takeAttributes(r.node)
	l.Network = !l.IdleTimeout.Written() // an NLB has no such attribute
	b.m.AWS.Balancers = append(b.m.AWS.Balancers, l)
}

// listener reads the actions of a listener or of one of its rules, and joins
// its target groups to its balancer.
func (b *awsBuild) listener(r *resource) {
	node, name := r.name("ListenerArn", "RuleArn")
	owner := b.lookup(r, find(r.body, "load_balancer_arn"), "lb")
	if l := b.lookup(r, find(r.body, "listener_arn"), "lb_listener"); owner == nil && l != nil {
		owner = b.lookup(l, find(l.body, "load_balancer_arn"), "lb")
	}
	if owner == nil && r.shown {
		owner = b.onlyShownBalancer()
	}
	var actions []*tree.Node
	for _, list := range []string{"default_action", "defaultActions", "action", "actions"} {
		actions = append(actions, every(r.body, list)...)
	}
	for _, a := range actions {
		f := &Forward{Node: node, Body: a, Name: name, Sticky: Of("stickiness.enabled", false)}
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
			b.m.AWS.Forwards = append(b.m.AWS.Forwards, f)
		}
	}
}

func (b *awsBuild) onlyShownBalancer() (found *resource) {
	for r := range b.balancers {
		if r.shown {
			if found != nil {
				return nil
			}
			found = r
		}
	}
	return found
}

func (b *awsBuild) forward(f *Forward, r *resource, action *tree.Node) {
	add := func(n *tree.Node, weight Value[int]) {
		g := ForwardGroup{Weight: weight}
		if found := b.lookup(r, n, "lb_target_group"); found != nil {
			g.Group = b.groups[found]
		}
		f.Groups = append(f.Groups, g)
	}
	config := first(find(action, "forward", "forward_config"))
	if config == nil || config.Kind != tree.Map {
		if arn := find(action, "target_group_arn"); arn != nil {
			add(arn, Of("weight", 1))
		}
		return
	}
	f.Node, f.Body = config, config
	for _, g := range append(every(config, "target_group"), every(config, "target_groups")...) {
		add(find(g, "arn", "target_group_arn"), Int(find(g, "weight"), Of("weight", 1)))
	}
	sticky := find(config, "stickiness", "target_group_stickiness_config")
	f.Sticky = Bool(find(sticky, "enabled"), Of("stickiness.enabled", false))
	if config.Unknown || sticky != nil && sticky.Unknown {
		f.Sticky.State = Unknown
	}
}

package model

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// group reads a target group. In Terraform each attribute has an argument of
// its own, elsewhere they are a list of keys and values.
func (b *awsBuild) group(r *resource) {
	g := &TargetGroup{Body: r.editable(), attributes: map[string]*tree.Node{}}
	g.Node, g.Name = r.name("name", "TargetGroupName")
	switch protocol := find(r.body, "protocol").Text(); protocol {
	case "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC", "GENEVE":
		g.Network = true
	}
	if !r.flat() {
		g.takeAttributes(find(r.body, "target_group_attributes"))
	}
	g.health(r)
	b.groups[r] = g
	b.m.AWS.TargetGroups = append(b.m.AWS.TargetGroups, g)
	for _, arn := range find(r.body, "load_balancer_arns").List() {
		if found := b.lookup(r, arn, "lb"); found != nil {
			g.Balancers = append(g.Balancers, b.balancers[found])
		}
	}
}

// flat reports whether r is written as Terraform writes it.
func (r *resource) flat() bool { return !r.shown && !r.inTemplate() }

func (g *TargetGroup) takeAttributes(list *tree.Node) {
	for _, a := range list.List() {
		if name := find(a, "key").Text(); name != "" {
			g.attributes[name] = find(a, "value")
		}
	}
}

func (g *TargetGroup) health(r *resource) {
	block := r.body
	threshold := 2 // of the API, for HTTP
	if r.flat() {
		block, threshold = find(r.body, "health_check"), 3 // of Terraform's provider
	}
	h := &g.Health
	h.Interval = InSeconds(find(block, "interval", "health_check_interval_seconds"), Of(name(r, "interval", "health_check_interval_seconds"), 30*time.Second))
	h.Healthy = Int(find(block, "healthy_threshold", "healthy_threshold_count"), unset[int](name(r, "healthy_threshold", "healthy_threshold_count")))
	h.Unhealthy = Int(find(block, "unhealthy_threshold", "unhealthy_threshold_count"), Of(name(r, "unhealthy_threshold", "unhealthy_threshold_count"), threshold))
	if block != nil && block.Unknown || g.Network && !h.Unhealthy.Written() {
		h.Unhealthy.State = Unknown
	}
}

// name is how r spells a setting that has another name in Terraform.
func name(r *resource, flat, other string) string {
	if r.flat() {
		return flat
	}
	return camel(other, true)
}

// groupAttributes joins the answer of describe-target-group-attributes: to the
// group that its file is named after, or to the only one.
func (b *awsBuild) groupAttributes(r *resource) {
	file := r.node.Doc.File.Name
	if found := b.lookup(r, find(r.body, "TargetGroupArn"), "lb_target_group"); found != nil {
		b.groups[found].takeAttributes(r.node)
		return
	}
	g := only(b.m.AWS.TargetGroups, func(g *TargetGroup) bool {
		return g.Body == nil && g.Name != "" && strings.Contains(path.Base(file), g.Name) && len(g.attributes) == 0
	})
	if g == nil && len(b.m.AWS.TargetGroups) == 1 && len(b.m.AWS.TargetGroups[0].attributes) == 0 && b.shownGroup() {
		g = b.m.AWS.TargetGroups[0]
	}
	if g == nil {
		base := path.Base(file)
		g = &TargetGroup{Node: r.node, Name: strings.TrimSuffix(base, path.Ext(base)), attributes: map[string]*tree.Node{}}
		g.health(r)
		g.Health.Interval.State, g.Health.Unhealthy.State = Unknown, Unknown
		b.m.AWS.TargetGroups = append(b.m.AWS.TargetGroups, g)
	}
	g.takeAttributes(r.node)
}

func (b *awsBuild) shownGroup() bool {
	return slices.ContainsFunc(b.all, func(r *resource) bool { return r.kind == "lb_target_group" && r.shown })
}

// finishGroups reads the attributes once all that say them were joined.
func (b *awsBuild) finishGroups() {
	flat := map[*TargetGroup]*resource{}
	for r, g := range b.groups {
		flat[g] = r
	}
	for _, g := range b.m.AWS.TargetGroups {
		g.settle(flat[g])
	}
}

// settle reads the attributes. r is nil for those of a group that is not known.
func (g *TargetGroup) settle(r *resource) {
	at := func(flat, attribute string) *tree.Node {
		if r != nil && r.flat() {
			return find(r.body, flat)
		}
		return g.attributes[attribute]
	}
	spell := func(flat, attribute string) string {
		if r != nil && r.flat() {
			return flat
		}
		return attribute
	}
	const delay, slow = "deregistration_delay.timeout_seconds", "slow_start.duration_seconds"
	g.Delay = InSeconds(at("deregistration_delay", delay), Of(spell("deregistration_delay", delay), 300*time.Second))
	g.SlowStart = InSeconds(at("slow_start", slow), Of(spell("slow_start", slow), time.Duration(0)))
	g.Algorithm = Text(at("load_balancing_algorithm_type", "load_balancing.algorithm.type"), Of(spell("load_balancing_algorithm_type", "load_balancing.algorithm.type"), "round_robin"))
	g.EndsConnections = Bool(at("connection_termination", "deregistration_delay.connection_termination.enabled"), Of(spell("connection_termination", "deregistration_delay.connection_termination.enabled"), false))
	g.CutsUnhealthy = Bool(at("target_health_state.enable_unhealthy_connection_termination", "target_health_state.unhealthy.connection_termination.enabled"),
		Of(spell("enable_unhealthy_connection_termination", "target_health_state.unhealthy.connection_termination.enabled"), true))
	g.sticky(r, at, spell)
	if r != nil && r.shown && len(g.attributes) == 0 { // the answer does not tell them
		g.Delay.State, g.SlowStart.State, g.Algorithm.State = Unknown, Unknown, Unknown
		g.EndsConnections.State, g.CutsUnhealthy.State, g.Sticky.Enabled.State = Unknown, Unknown, Unknown
	}
}

func (g *TargetGroup) sticky(r *resource, at func(string, string) *tree.Node, spell func(string, string) string) {
	s := &g.Sticky
	s.Enabled = Bool(at("stickiness.enabled", "stickiness.enabled"), Of(spell("stickiness.enabled", "stickiness.enabled"), false))
	s.Kind = Text(at("stickiness.type", "stickiness.type"), unset[string]("stickiness.type"))
	length, day := "stickiness.lb_cookie.duration_seconds", Of(spell("cookie_duration", "stickiness.lb_cookie.duration_seconds"), 86400*time.Second)
	if s.Kind.V == "app_cookie" {
		length = "stickiness.app_cookie.duration_seconds"
		day.Name = spell("cookie_duration", length)
	}
	s.Length = InSeconds(at("stickiness.cookie_duration", length), day)
	s.Cookie = Text(at("stickiness.cookie_name", "stickiness.app_cookie.cookie_name"), unset[string](spell("cookie_name", "stickiness.app_cookie.cookie_name")))
	if r != nil && r.flat() {
		if s.Node = find(r.body, "stickiness"); s.Node != nil && !s.Enabled.Written() && !s.Node.Unknown {
			s.Enabled = Of("stickiness.enabled", true) // of Terraform's provider, if there is a block
		}
	}
}

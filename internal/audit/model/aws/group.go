package aws

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// group reads a target group. In Terraform each attribute has an argument of
// its own, elsewhere they are a list of keys and values.
func (b *builder) group(r *resource.Resource) {
	g := &TargetGroup{Body: r.Editable(), attributes: map[string]*tree.Node{}}
	g.Node, g.Name = r.Name("name", "TargetGroupName")
	switch protocol := resource.Find(r.Body, "protocol").Text(); protocol {
	case "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC", "GENEVE":
		g.Network = true
	}
	if !r.Flat() {
		g.takeAttributes(resource.Find(r.Body, "target_group_attributes"))
	}
	g.health(r)
	b.groups[r] = g
	b.aws.TargetGroups = append(b.aws.TargetGroups, g)
	for _, arn := range resource.Find(r.Body, "load_balancer_arns").List() {
		if found := b.Lookup(r, arn, "lb"); found != nil {
			g.Balancers = append(g.Balancers, b.balancers[found])
		}
	}
}

func (g *TargetGroup) takeAttributes(list *tree.Node) {
	for _, a := range list.List() {
		if name := resource.Find(a, "key").Text(); name != "" {
			g.attributes[name] = resource.Find(a, "value")
		}
	}
}

func (g *TargetGroup) health(r *resource.Resource) {
	block := r.Body
	threshold := 2 // of the API, for HTTP
	if r.Flat() {
		block, threshold = resource.Find(r.Body, "health_check"), 3 // of Terraform's provider
	}
	h := &g.Health
	h.Interval = value.InSeconds(resource.Find(block, "interval", "health_check_interval_seconds"), value.Of(resource.Spelling(r, "interval", "health_check_interval_seconds"), 30*time.Second))
	h.Healthy = value.Int(resource.Find(block, "healthy_threshold", "healthy_threshold_count"), value.Unset[int](resource.Spelling(r, "healthy_threshold", "healthy_threshold_count")))
	h.Unhealthy = value.Int(resource.Find(block, "unhealthy_threshold", "unhealthy_threshold_count"), value.Of(resource.Spelling(r, "unhealthy_threshold", "unhealthy_threshold_count"), threshold))
	if block != nil && block.Unknown || g.Network && !h.Unhealthy.Written() {
		h.Unhealthy.State = value.Unknown
	}
}

// groupAttributes joins the answer of describe-target-group-attributes: to the
// group that its file is named after, or to the only one.
func (b *builder) groupAttributes(r *resource.Resource) {
	file := r.Node.Doc.File.Name
	if found := b.Lookup(r, resource.Find(r.Body, "TargetGroupArn"), "lb_target_group"); found != nil {
		b.groups[found].takeAttributes(r.Node)
		return
	}
	g := only(b.aws.TargetGroups, func(g *TargetGroup) bool {
		return g.Body == nil && g.Name != "" && strings.Contains(path.Base(file), g.Name) && len(g.attributes) == 0
	})
	if g == nil && len(b.aws.TargetGroups) == 1 && len(b.aws.TargetGroups[0].attributes) == 0 && b.shownGroup() {
		g = b.aws.TargetGroups[0]
	}
	if g == nil {
		base := path.Base(file)
		g = &TargetGroup{Node: r.Node, Name: strings.TrimSuffix(base, path.Ext(base)), attributes: map[string]*tree.Node{}}
		g.health(r)
		g.Health.Interval.State, g.Health.Unhealthy.State = value.Unknown, value.Unknown
		b.aws.TargetGroups = append(b.aws.TargetGroups, g)
	}
	g.takeAttributes(r.Node)
}

func (b *builder) shownGroup() bool {
	return slices.ContainsFunc(b.All, func(r *resource.Resource) bool { return r.Kind == "lb_target_group" && r.Shown })
}

// finishGroups reads the attributes once all that say them were joined.
func (b *builder) finishGroups() {
	flat := map[*TargetGroup]*resource.Resource{}
	for r, g := range b.groups {
		flat[g] = r
	}
	for _, g := range b.aws.TargetGroups {
		g.settle(flat[g])
	}
}

// settle reads the attributes. r is nil for those of a group that is not known.
func (g *TargetGroup) settle(r *resource.Resource) {
	at := func(flat, attribute string) *tree.Node {
		if r != nil && r.Flat() {
			return resource.Find(r.Body, flat)
		}
		return g.attributes[attribute]
	}
	spell := func(flat, attribute string) string {
		if r != nil && r.Flat() {
			return flat
		}
		return attribute
	}
	const delay, slow = "deregistration_delay.timeout_seconds", "slow_start.duration_seconds"
	g.Delay = value.InSeconds(at("deregistration_delay", delay), value.Of(spell("deregistration_delay", delay), 300*time.Second))
	g.SlowStart = value.InSeconds(at("slow_start", slow), value.Of(spell("slow_start", slow), time.Duration(0)))
	g.Algorithm = value.Text(at("load_balancing_algorithm_type", "load_balancing.algorithm.type"), value.Of(spell("load_balancing_algorithm_type", "load_balancing.algorithm.type"), "round_robin"))
	g.EndsConnections = value.Bool(at("connection_termination", "deregistration_delay.connection_termination.enabled"), value.Of(spell("connection_termination", "deregistration_delay.connection_termination.enabled"), false))
	g.CutsUnhealthy = value.Bool(at("target_health_state.enable_unhealthy_connection_termination", "target_health_state.unhealthy.connection_termination.enabled"),
		value.Of(spell("enable_unhealthy_connection_termination", "target_health_state.unhealthy.connection_termination.enabled"), true))
	g.sticky(r, at, spell)
	if r != nil && r.Shown && len(g.attributes) == 0 { // the answer does not tell them
		g.Delay.State, g.SlowStart.State, g.Algorithm.State = value.Unknown, value.Unknown, value.Unknown
		g.EndsConnections.State, g.CutsUnhealthy.State, g.Sticky.Enabled.State = value.Unknown, value.Unknown, value.Unknown
	}
}

func (g *TargetGroup) sticky(r *resource.Resource, at func(string, string) *tree.Node, spell func(string, string) string) {
	s := &g.Sticky
	s.Enabled = value.Bool(at("stickiness.enabled", "stickiness.enabled"), value.Of(spell("stickiness.enabled", "stickiness.enabled"), false))
	s.Kind = value.Text(at("stickiness.type", "stickiness.type"), value.Unset[string]("stickiness.type"))
	length, day := "stickiness.lb_cookie.duration_seconds", value.Of(spell("cookie_duration", "stickiness.lb_cookie.duration_seconds"), 86400*time.Second)
	if s.Kind.V == "app_cookie" {
		length = "stickiness.app_cookie.duration_seconds"
		day.Name = spell("cookie_duration", length)
	}
	s.Length = value.InSeconds(at("stickiness.cookie_duration", length), day)
	s.Cookie = value.Text(at("stickiness.cookie_name", "stickiness.app_cookie.cookie_name"), value.Unset[string](spell("cookie_name", "stickiness.app_cookie.cookie_name")))
	if r != nil && r.Flat() {
		if s.Node = resource.Find(r.Body, "stickiness"); s.Node != nil && !s.Enabled.Written() && !s.Node.Unknown {
			s.Enabled = value.Of("stickiness.enabled", true) // of Terraform's provider, if there is a block
		}
	}
}

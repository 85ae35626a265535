package model

import (
	"path"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// resource is one thing that a file sets up or shows, in whichever language.
type resource struct {
	kind    string     // as Terraform names it, without aws_: ecs_service
	label   string     // its name in the file; empty: the answer of the aws command
	node    *tree.Node // the block or object
	body    *tree.Node // its settings
	keys    []string   // by which others refer to it
	scope   string     // of references from it
	plan    bool       // of Terraform's plan
	planned []string   // what the plan says that it refers to
	shown   bool       // the aws command's answer: what is not there is not set
}

// name is where the resource is named, and its name.
func (r *resource) name(paths ...string) (*tree.Node, string) {
	if n := find(r.body, paths...); n.Text() != "" {
		return n, n.Text()
	}
	return r.node, r.label
}

// resources finds all of f.
func resources(f *tree.File) (all []*resource) {
	for _, d := range f.Docs {
		switch {
		case f.Format == tree.HCL:
			all = append(all, terraform(d.Root)...)
		case d.Root.Get("planned_values") != nil:
			all = append(all, plan(d.Root)...)
		case d.Root.Get("Resources") != nil:
			all = append(all, cloudFormation(d.Root)...)
		case d.Root.Get("apiVersion") == nil:
			all = append(all, answers(d.Root)...)
		}
	}
	return all
}

// renamed are resources of Terraform that have two names.
var renamed = strings.NewReplacer("aws_alb", "lb", "aws_", "")

func terraform(root *tree.Node) (all []*resource) {
	for _, b := range root.Blocks("resource") {
		if len(b.Labels) != 2 || !strings.HasPrefix(b.Labels[0], "aws_") || b.Get("count").Text() == "0" {
			continue
		}
		scope := path.Dir(root.Doc.File.Name)
		all = append(all, &resource{kind: renamed.Replace(b.Labels[0]), label: b.Labels[1], node: b, body: b, scope: scope,
			keys: []string{key(scope, b.Labels[0]+"."+b.Labels[1])}})
	}
	return all
}

// key is how something is found by a reference.
func key(scope, name string) string { return scope + "\x00" + name }

// templateKinds are CloudFormation's types by Terraform's names.
var templateKinds = map[string]string{
	"AWS::ECS::TaskDefinition": "ecs_task_definition", "AWS::ECS::Service": "ecs_service", "AWS::ECS::Cluster": "ecs_cluster",
	"AWS::ECS::CapacityProvider":                    "ecs_capacity_provider",
	"AWS::ECS::ClusterCapacityProviderAssociations": "ecs_cluster_capacity_providers",
	"AWS::ElasticLoadBalancingV2::TargetGroup":      "lb_target_group",
	"AWS::ElasticLoadBalancingV2::LoadBalancer":     "lb",
	"AWS::ElasticLoadBalancingV2::Listener":         "lb_listener",
	"AWS::ElasticLoadBalancingV2::ListenerRule":     "lb_listener_rule",
	"AWS::ApplicationAutoScaling::ScalableTarget":   "appautoscaling_target",
	"AWS::ApplicationAutoScaling::ScalingPolicy":    "appautoscaling_policy",
	"AWS::ElastiCache::ReplicationGroup":            "elasticache_replication_group",
	"AWS::ElastiCache::CacheCluster":                "elasticache_cluster",
	"AWS::ElastiCache::ParameterGroup":              "elasticache_parameter_group",
	"AWS::AutoScaling::AutoScalingGroup":            "autoscaling_group",
	"AWS::EC2::LaunchTemplate":                      "launch_template",
}

func cloudFormation(root *tree.Node) (all []*resource) {
	file := root.Doc.File.Name
	for _, r := range root.Get("Resources").Fields() {
		kind := templateKinds[r.Get("Type").Text()]
		if kind == "" {
			continue
		}
		body := r.Get("Properties")
		if body == nil {
			body = r
		}
		all = append(all, &resource{kind: kind, label: r.Key, node: r, body: body, scope: file, keys: []string{key(file, r.Key)}})
	}
	return all
}

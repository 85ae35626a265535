// Package resource finds resources of AWS and what they refer to, whichever
// language says it: the answers of the aws command, Terraform and its plans,
// CloudFormation.
//
//	all := resource.Read(files)
//	all.Each("ecs_service", func(r *resource.Resource) { … })
//
// Guarantees: kinds are Terraform's names without aws_ in all languages; the
// order is that of the files; what a reference does not decide is nil.
//
// Not guaranteed: that all kinds are found in all languages.
package resource

import (
	"path"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Resource is one thing that a file sets up or shows, in whichever language.
type Resource struct {
	Kind  string     // as Terraform names it, without aws_: ecs_service
	Label string     // its name in the file; empty: the answer of the aws command
	Node  *tree.Node // the block or object
	Body  *tree.Node // its settings
	Keys  []string   // by which others refer to it
	Plan  bool       // of Terraform's plan
	Shown bool       // the aws command's answer: what is not there is not set

	scope   string   // of references from it
	planned []string // what the plan says that it refers to
}

// Name is where the resource is named, by the first of paths that is written,
// and its name.
func (r *Resource) Name(paths ...string) (*tree.Node, string) {
	if n := Find(r.Body, paths...); n.Text() != "" {
		return n, n.Text()
	}
	return r.Node, r.Label
}

// resources finds all of f.
func resources(f *tree.File) (all []*Resource) {
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

func terraform(root *tree.Node) (all []*Resource) {
	for _, b := range root.Blocks("resource") {
		if len(b.Labels) != 2 || !strings.HasPrefix(b.Labels[0], "aws_") || b.Get("count").Text() == "0" {
			continue
		}
		scope := path.Dir(root.Doc.File.Name)
		all = append(all, &Resource{Kind: renamed.Replace(b.Labels[0]), Label: b.Labels[1], Node: b, Body: b, scope: scope,
			Keys: []string{key(scope, b.Labels[0]+"."+b.Labels[1])}})
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

func cloudFormation(root *tree.Node) (all []*Resource) {
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
		all = append(all, &Resource{Kind: kind, Label: r.Key, Node: r, Body: body, scope: file, Keys: []string{key(file, r.Key)}})
	}
	return all
}

// Flat reports whether r is written as Terraform writes it: each setting has a
// name of its own.
func (r *Resource) Flat() bool { return !r.Shown && !r.InTemplate() }

// Spelling is how r spells a setting that has another name in Terraform.
func Spelling(r *Resource, flat, other string) string {
	if r.Flat() {
		return flat
	}
	return camel(other, true)
}

package resource

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// answerKinds are the members of what the aws command prints, each a list or
// one object.
var answerKinds = map[string]string{
	"taskDefinition": "ecs_task_definition", "services": "ecs_service", "service": "ecs_service", "capacityProviders": "ecs_capacity_provider",
	"TargetGroups": "lb_target_group", "LoadBalancers": "lb", "Listeners": "lb_listener", "Rules": "lb_listener_rule",
	"ScalableTargets": "appautoscaling_target", "ScalingPolicies": "appautoscaling_policy",
	"ReplicationGroups": "elasticache_replication_group", "CacheClusters": "elasticache_cluster",
}

// identifying are members without which an object of that kind is something
// else's.
var identifying = map[string]string{
	"ecs_task_definition": "containerDefinitions", "ecs_service": "serviceName", "ecs_capacity_provider": "autoScalingGroupProvider",
	"lb_target_group": "TargetGroupArn", "lb": "LoadBalancerArn", "lb_listener": "ListenerArn", "lb_listener_rule": "RuleArn",
	"appautoscaling_target": "ScalableDimension", "appautoscaling_policy": "PolicyName",
	"elasticache_replication_group": "ReplicationGroupId", "elasticache_cluster": "CacheClusterId",
}

// answers reads what the aws command prints, and what it reads as its input: a
// bare task definition, service, target group or scaling policy.
func answers(root *tree.Node) (all []*Resource) {
	add := func(kind string, n *tree.Node) {
		if n.Get(identifying[kind]) != nil {
			all = append(all, &Resource{Kind: kind, Node: n, Body: n, Shown: true, Keys: arns(n)})
		}
	}
	for _, c := range root.Fields() {
		kind, ok := answerKinds[c.Key]
		if !ok {
			continue
		}
		if c.Kind == tree.List {
			for _, item := range c.Items {
				add(kind, item)
			}
		} else {
			add(kind, c)
		}
	}
	if root.Get("containerDefinitions").List() != nil && root.Get("taskDefinition") == nil {
		add("ecs_task_definition", root)
	}
	if root.Get("serviceName") != nil && root.Get("taskDefinition") != nil {
		add("ecs_service", root)
	}
	switch {
	case root.Get("Protocol") != nil && root.Get("TargetType") != nil && root.Get("Name").Text() != "":
		all = append(all, &Resource{Kind: "lb_target_group", Node: root, Body: root, Shown: true,
			Keys: []string{key("", "targetgroup/"+root.Get("Name").Text())}})
	case root.Get("ResourceId") != nil && root.Get("ServiceNamespace").Text() == "ecs":
		if root.Get("PolicyName") != nil {
			add("appautoscaling_policy", root)
		} else {
			add("appautoscaling_target", root)
		}
	}
	return append(all, attributeLists(root)...)
}

// attributeLists are the answers of describe-…-attributes and
// describe-cache-parameters, which do not say whose they are.
func attributeLists(root *tree.Node) (all []*Resource) {
	list := root.Get("Attributes")
	for _, a := range list.List() {
		switch name := a.Get("Key").Text(); {
		case strings.HasPrefix(name, "deregistration_delay."), strings.HasPrefix(name, "stickiness."):
			return []*Resource{{Kind: "lb_target_group_attributes", Node: list, Body: root, Shown: true}}
		case name == "deletion_protection.enabled", name == "idle_timeout.timeout_seconds":
			return []*Resource{{Kind: "lb_attributes", Node: list, Body: root, Shown: true}}
		}
	}
	for _, p := range root.Get("Parameters").List() {
		if p.Get("ParameterName").Text() == "maxmemory-policy" {
			return []*Resource{{Kind: "elasticache_parameters", Node: p, Body: p, Shown: true}}
		}
	}
	return nil
}

// arns are the names under which others may know an object that exists.
func arns(n *tree.Node) (keys []string) {
	for _, name := range []string{"taskDefinitionArn", "serviceArn", "TargetGroupArn", "LoadBalancerArn", "ListenerArn",
		"capacityProviderArn", "ReplicationGroupId", "CacheClusterId"} {
		if text := n.Get(name).Text(); text != "" {
			keys = append(keys, key("", text))
		}
	}
	return keys
}

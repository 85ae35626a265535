package aws

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/source"
)

// described is what files say, given as names and contents.
func described(t *testing.T, named ...string) *Account {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i+1 < len(named); i += 2 {
		path := filepath.Join(dir, named[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(named[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, notes, err := source.Read(t.Context(), []string{dir}, nil)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	return Describe(resource.Read(files), files)
}

// joined is what a service was joined to, as one line.
func joined(t *TaskService) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	if t.Task != nil {
		add("task", t.Task.Name)
	}
	if t.Main != nil {
		add("container", t.Main.Name)
	}
	for _, g := range t.Groups {
		add("group", g.Name)
		for _, l := range g.Balancers {
			add("balancer", l.Name)
		}
	}
	if t.Scaling != nil {
		add("min", t.Scaling.Min.String())
		for _, p := range t.Scaling.Policies {
			add("policy", p.Name)
		}
	}
	if t.Spot != nil {
		add("spot", t.OnDemand.String())
	}
	return strings.Join(parts, ", ")
}

func TestJoins(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"modules of Terraform", []string{"main.tf", `
module "alb" { source = "./alb" }
module "shop" {
  source   = "./service"
  name     = "shop"
  group    = module.alb.groups["shop"]
  strategy = [{ provider = "FARGATE_SPOT" }]
}
`, "alb/main.tf", `
resource "aws_alb" "this" { name = "front" }
resource "aws_alb_target_group" "this" {
  for_each = toset(["shop"])
  name     = "shop"
}
resource "aws_alb_listener" "https" {
  load_balancer_arn = aws_alb.this.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_alb_target_group.this["shop"].arn
  }
}
output "groups" { value = { for k, g in aws_alb_target_group.this : k => g.arn } }
`, "service/main.tf", `
variable "name" {}
variable "group" {}
variable "strategy" { default = [] }
locals { container = "${var.name}-web" }
resource "aws_ecs_task_definition" "this" {
  family                = var.name
  container_definitions = jsonencode(concat([{ name = local.container, image = "x" }], [{ name = "log", image = "y" }]))
}
resource "aws_ecs_service" "this" {
  name            = var.name
  task_definition = "${aws_ecs_task_definition.this.family}:${aws_ecs_task_definition.this.revision}"
  load_balancer {
    target_group_arn = var.group
    container_name   = local.container
  }
}
resource "aws_appautoscaling_target" "this" {
  service_namespace = "ecs"
  resource_id       = join("/", ["service", "main", aws_ecs_service.this.name])
  min_capacity      = 2
}
resource "aws_appautoscaling_policy" "cpu" {
  name        = "cpu"
  resource_id = aws_appautoscaling_target.this.resource_id
}
`}, []string{"task shop, container shop-web, group shop, balancer front, min min_capacity 2, policy cpu"}},
		{"a template", []string{"template.json", `{"Parameters": {"Min": {"Type": "Number", "Default": "3"}}, "Resources": {
"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [{"Name": "web", "StopTimeout": 60}]}},
"Group": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {}},
"Front": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Name": "front"}},
"Listener": {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": {"LoadBalancerArn": {"Ref": "Front"}, "DefaultActions": [{"Type": "fixed-response"}]}},
"Rule": {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": {"ListenerArn": {"Ref": "Listener"}, "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}]}},
"Service": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Task"},
  "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Base": 2, "Weight": 1}, {"CapacityProvider": "FARGATE_SPOT", "Weight": 4}],
  "LoadBalancers": [{"TargetGroupArn": {"Ref": "Group"}, "ContainerName": "web"}]}},
"Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": {"MinCapacity": {"Ref": "Min"}, "ServiceNamespace": "ecs",
  "ResourceId": {"Fn::Join": ["/", ["service", "main", {"Fn::GetAtt": ["Service", "Name"]}]]}}},
"Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": {"PolicyName": "cpu", "ScalingTargetId": {"Ref": "Target"}}}
}}`}, []string{"task Task, container web, group Group, balancer front, min MinCapacity 3, policy cpu, spot base 2"}},
		{"answers of the aws command", []string{
			"service.json", `{"services": [{"serviceName": "shop", "serviceArn": "arn:s", "taskDefinition": "arn:aws:ecs:x:1:task-definition/shop:7", "loadBalancers": [{"targetGroupArn": "arn:g", "containerName": "web"}]}]}`,
			"task.json", `{"family": "shop", "containerDefinitions": [{"name": "web"}, {"name": "log"}]}`,
			"groups.json", `{"TargetGroups": [{"TargetGroupArn": "arn:g", "TargetGroupName": "shop", "LoadBalancerArns": ["arn:l"]}, {"TargetGroupArn": "arn:o", "TargetGroupName": "other"}]}`,
			"lb.json", `{"LoadBalancers": [{"LoadBalancerArn": "arn:l", "LoadBalancerName": "front", "Type": "application"}]}`,
			"targets.json", `{"ScalableTargets": [{"ServiceNamespace": "ecs", "ResourceId": "service/main/shop", "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 2}]}`,
			"policies.json", `{"ScalingPolicies": [{"PolicyName": "cpu", "ServiceNamespace": "ecs", "ResourceId": "service/main/shop", "TargetTrackingScalingPolicyConfiguration": {"ScaleInCooldown": 60}}]}`,
		}, []string{"task shop, container web, group shop, balancer front, min MinCapacity 2, policy cpu"}},
		{"a plan with modules", []string{"plan.json", `{"planned_values": {"root_module": {"child_modules": [
{"resources": [{"address": "module.alb.aws_lb_target_group.g[0]", "mode": "managed", "type": "aws_lb_target_group", "name": "g", "values": {"name": "shop"}}]},
{"resources": [{"address": "module.app.aws_ecs_service.s", "mode": "managed", "type": "aws_ecs_service", "name": "s", "values": {"name": "shop", "load_balancer": [{"container_name": "web"}]}},
  {"address": "module.app.aws_ecs_task_definition.t", "mode": "managed", "type": "aws_ecs_task_definition", "name": "t", "values": {"family": "shop", "container_definitions": "[{\"name\":\"web\"}]"}}]}]}},
"configuration": {"root_module": {"module_calls": {
  "alb": {"module": {"outputs": {"arn": {"expression": {"references": ["aws_lb_target_group.g[0].arn", "aws_lb_target_group.g[0]", "aws_lb_target_group.g"]}}}, "resources": [{"address": "aws_lb_target_group.g", "expressions": {}}]}},
  "app": {"expressions": {"group": {"references": ["module.alb.arn", "module.alb"]}}, "module": {"resources": [
    {"address": "aws_ecs_service.s", "expressions": {"load_balancer": [{"target_group_arn": {"references": ["var.group"]}}], "task_definition": {"references": ["aws_ecs_task_definition.t.arn"]}}}]}}}}}}`},
			[]string{"task shop, container web, group shop"}},
		{"what is not decided is not joined", []string{"main.tf", `
resource "aws_ecs_task_definition" "shop" {
  family                = "shop"
  container_definitions = jsonencode([{ name = "web" }])
}
resource "aws_lb_target_group" "shop" { name = "shop" }
resource "aws_ecs_service" "shop" {
  name            = "shop"
  task_definition = var.task
  load_balancer { target_group_arn = data.aws_lb_target_group.shop.arn }
}
resource "aws_ecs_service" "gone" {
  count = 0
  name  = "gone"
}
`}, []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range described(t, c.files...).TaskServices {
				got = append(got, joined(s))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

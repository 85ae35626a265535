# {{.Name}} on ECS with Fargate behind an ALB, written by `evenkeel render
# terraform`. A comment says where a number comes from.
#
# The scheduler deregisters a task, waits for the whole deregistration delay, and
# only then sends SIGTERM.
{{- if .E.LameDuck.Name}} A Spot interruption sends SIGTERM first: the
# program has to serve on for {{.E.LameDuck.Value}} s: {{.E.LameDuck.How}}
{{- end}}

variable "cluster" { type = string }
variable "region" { type = string }
variable "vpc_id" { type = string }
variable "public_subnets" { type = list(string) }
variable "private_subnets" { type = list(string) }
variable "balancer_security_groups" { type = list(string) }
variable "task_security_groups" { type = list(string) }
variable "certificate_arn" { type = string }
variable "execution_role_arn" { type = string }
variable "task_role_arn" { type = string }
{{- if .Memory}}
variable "task_role_name" { type = string }
{{- end}}
{{- if .Redis}}
variable "store_security_groups" { type = list(string) }
variable "store_token" {
type = string
sensitive = true
}
variable "store_url_secret_arn" {
description = "A secret with the store's URL: rediss://:TOKEN@ENDPOINT:6379"
type = string
}
{{- end}}

resource "aws_ecs_task_definition" "{{snake .Name}}" {
family = {{hcl .Name}}
requires_compatibilities = ["FARGATE"]
network_mode = "awsvpc"
cpu = 512
memory = 1024
execution_role_arn = var.execution_role_arn
task_role_arn = var.task_role_arn

container_definitions = jsonencode([
{
name = {{hcl .Name}}
image = {{hcl .Service.Image}}
essential = true
portMappings = [{ containerPort = {{.Service.Port}}, protocol = "tcp" }]

# {{.E.StopTimeout.How}}
stopTimeout = {{.E.StopTimeout.Value}}

# evenkeel run reads from it how long it has.
environment = [{ name = "EVENKEEL_GRACE", value = "{{.E.StopTimeout.Value}}" }]
{{- if .Redis}}
secrets = [{ name = "SESSION_STORE_URL", valueFrom = var.store_url_secret_arn }]
{{- end}}
logConfiguration = {
logDriver = "awslogs"
options = {
awslogs-group = {{hcl .Name}}
awslogs-region = var.region
awslogs-stream-prefix = {{hcl .Name}}
}
}
}
])
}
{{- if .Memory}}

# The sessions are in the process, and scale-in takes tasks without asking: the
# program has to protect its task while it has any, by PUT
# $ECS_AGENT_URI/task-protection/v1/state, again before ExpiresInMinutes.
resource "aws_iam_role_policy" "{{snake .Name}}_protection" {
name = "{{.Name}}-protection"
role = var.task_role_name
policy = jsonencode({
Version = "2012-10-17"
Statement = [{ Effect = "Allow", Action = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], Resource = "*" }]
})
}
{{- end}}

resource "aws_ecs_service" "{{snake .Name}}" {
name = {{hcl .Name}}
cluster = var.cluster
task_definition = aws_ecs_task_definition.{{snake .Name}}.arn
desired_count = {{.Service.Replicas.Min}}

# New tasks are healthy before old ones leave.
deployment_minimum_healthy_percent = 100
deployment_maximum_percent = 200

# {{.E.HealthCheckGrace.How}}
health_check_grace_period_seconds = {{.E.HealthCheckGrace.Value}}
{{- if .Policy.Spot}}

# Some tasks stay when Spot capacity is taken away.
capacity_provider_strategy {
capacity_provider = "FARGATE"
base = {{.OnDemand}}
weight = 1
}
capacity_provider_strategy {
capacity_provider = "FARGATE_SPOT"
weight = 3
}
{{- else}}
launch_type = "FARGATE"
{{- end}}

network_configuration {
subnets = var.private_subnets
security_groups = var.task_security_groups
}

load_balancer {
target_group_arn = aws_lb_target_group.{{snake .Name}}.arn
container_name = {{hcl .Name}}
container_port = {{.Service.Port}}
}

deployment_circuit_breaker {
enable = true
rollback = true
}

# The autoscaler has the number: an apply must not take it back.
lifecycle {
ignore_changes = [desired_count]
}

depends_on = [aws_lb_listener.{{snake .Name}}]
}

resource "aws_lb" "{{snake .Name}}" {
name = {{hcl .Name}}
load_balancer_type = "application"
subnets = var.public_subnets
security_groups = var.balancer_security_groups

# {{.A.IdleTimeout.How}}
# The program has to keep idle connections longer, {{.A.KeepAlive.Value}} s: {{.A.KeepAlive.How}}
idle_timeout = {{.A.IdleTimeout.Value}}
}

resource "aws_lb_listener" "{{snake .Name}}" {
load_balancer_arn = aws_lb.{{snake .Name}}.arn
port = 443
protocol = "HTTPS"
certificate_arn = var.certificate_arn

default_action {
type = "forward"
target_group_arn = aws_lb_target_group.{{snake .Name}}.arn
}
}

resource "aws_lb_target_group" "{{snake .Name}}" {
name = {{hcl .Name}}
port = {{.Service.Port}}
protocol = "HTTP"
target_type = "ip"
vpc_id = var.vpc_id

# {{.E.DeregistrationDelay.How}}
deregistration_delay = {{.E.DeregistrationDelay.Value}}

health_check {
path = {{hcl .Service.Health.Path}}
interval = {{.E.HealthInterval.Value}} # {{.E.HealthInterval.How}}
timeout = 3
healthy_threshold = {{.Service.Health.Healthy}}
unhealthy_threshold = {{.Service.Health.Unhealthy}}
matcher = "200"
}
{{- if eq .Mode "cookie"}}

# {{.A.Stickiness.How}}
stickiness {
type = "lb_cookie"
cookie_duration = {{.A.Stickiness.Value}}
}
{{- else if and (eq .Mode "app_cookie" "session") .AppCookie}}

# {{.A.Stickiness.How}}
stickiness {
type = "app_cookie"
cookie_name = {{hcl .AppCookie}}
cookie_duration = {{.A.Stickiness.Value}}
}
{{- end}}
}

resource "aws_appautoscaling_target" "{{snake .Name}}" {
service_namespace = "ecs"
resource_id = "service/${var.cluster}/${aws_ecs_service.{{snake .Name}}.name}"
scalable_dimension = "ecs:service:DesiredCount"
min_capacity = {{.Service.Replicas.Min}}
max_capacity = {{.Service.Replicas.Max}}
}

resource "aws_appautoscaling_policy" "{{snake .Name}}" {
name = "{{.Name}}-cpu"
policy_type = "TargetTrackingScaling"
service_namespace = aws_appautoscaling_target.{{snake .Name}}.service_namespace
resource_id = aws_appautoscaling_target.{{snake .Name}}.resource_id
scalable_dimension = aws_appautoscaling_target.{{snake .Name}}.scalable_dimension

target_tracking_scaling_policy_configuration {
target_value = 60

# {{.E.ScaleInCooldown.How}}
scale_in_cooldown = {{.E.ScaleInCooldown.Value}}
scale_out_cooldown = 60

predefined_metric_specification {
predefined_metric_type = "ECSServiceAverageCPUUtilization"
}
}
}
{{- if .Redis}}

# Where the sessions are.
resource "aws_elasticache_replication_group" "{{snake .Name}}" {
replication_group_id = "{{.Name}}-sessions"
description = "sessions of {{.Name}}"
engine = {{hcl .Engine}}
engine_version = {{hcl .EngineVersion}}
node_type = "cache.t4g.small"
port = 6379
parameter_group_name = aws_elasticache_parameter_group.{{snake .Name}}.name
subnet_group_name = aws_elasticache_subnet_group.{{snake .Name}}.name
security_group_ids = var.store_security_groups

# A replica in another zone takes over by itself.
num_cache_clusters = 2
automatic_failover_enabled = true
multi_az_enabled = true

transit_encryption_enabled = true
at_rest_encryption_enabled = true
auth_token = var.store_token

snapshot_retention_limit = 7
}

resource "aws_elasticache_parameter_group" "{{snake .Name}}" {
name = "{{.Name}}-sessions"
family = {{hcl .EngineFamily}}

# The default, volatile-lru, drops sessions when memory is short, and says
# nothing. This one refuses writes, which is seen.
parameter {
name = "maxmemory-policy"
value = "noeviction"
}
}

resource "aws_elasticache_subnet_group" "{{snake .Name}}" {
name = "{{.Name}}-sessions"
subnet_ids = var.private_subnets
}
{{- end}}

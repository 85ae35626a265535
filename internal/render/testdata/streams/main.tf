# chat on ECS with Fargate behind an ALB, written by `evenkeel render
# terraform`. A comment says where a number comes from.
#
# The scheduler deregisters a task, waits for the whole deregistration delay, and
# only then sends SIGTERM.

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
variable "store_security_groups" { type = list(string) }
variable "store_token" {
  type      = string
  sensitive = true
}
variable "store_url_secret_arn" {
  description = "A secret with the store's URL: rediss://:TOKEN@ENDPOINT:6379"
  type        = string
}

resource "aws_ecs_task_definition" "chat" {
  family                   = "chat"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = var.task_role_arn

  container_definitions = jsonencode([
    {
      name         = "chat"
      image        = "registry.example/chat:1.4"
      essential    = true
      portMappings = [{ containerPort = 8080, protocol = "tcp" }]

      # max(requests 30 s, streams 80 s) + flush 5 s + margin 5 s = 90 s
      stopTimeout = 90

      # evenkeel run reads from it how long it has.
      environment = [{ name = "EVENKEEL_GRACE", value = "90" }]
      secrets     = [{ name = "SESSION_STORE_URL", valueFrom = var.store_url_secret_arn }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = "chat"
          awslogs-region        = var.region
          awslogs-stream-prefix = "chat"
        }
      }
    }
  ])
}

resource "aws_ecs_service" "chat" {
  name            = "chat"
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.chat.arn
  desired_count   = 3

  # New tasks are healthy before old ones leave.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  # start 30 s + health interval 5 s * 2 + margin 4 s = 44 s
  health_check_grace_period_seconds = 44
  launch_type                       = "FARGATE"

  network_configuration {
    subnets         = var.private_subnets
    security_groups = var.task_security_groups
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.chat.arn
    container_name   = "chat"
    container_port   = 8080
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # The autoscaler has the number: an apply must not take it back.
  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.chat]
}

resource "aws_lb" "chat" {
  name               = "chat"
  load_balancer_type = "application"
  subnets            = var.public_subnets
  security_groups    = var.balancer_security_groups

  # requests 30 s + margin 3 s = 33 s, at least 60 s, the balancer's own
  # The program has to keep idle connections longer, 75 s: idle_timeout 60 s + 15 s = 75 s
  idle_timeout = 60
}

resource "aws_lb_listener" "chat" {
  load_balancer_arn = aws_lb.chat.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.chat.arn
  }
}

resource "aws_lb_target_group" "chat" {
  name        = "chat"
  port        = 8080
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = var.vpc_id

  # max(requests 30 s, streams 80 s) + margin 5 s = 85 s
  deregistration_delay = 85

  health_check {
    path                = "/readyz"
    interval            = 5 # health.interval 5 s
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }
}

resource "aws_appautoscaling_target" "chat" {
  service_namespace  = "ecs"
  resource_id        = "service/${var.cluster}/${aws_ecs_service.chat.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 3
  max_capacity       = 30
}

resource "aws_appautoscaling_policy" "chat" {
  name               = "chat-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.chat.service_namespace
  resource_id        = aws_appautoscaling_target.chat.resource_id
  scalable_dimension = aws_appautoscaling_target.chat.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = 60

    # deregistration_delay 85 s + stopTimeout 90 s = 175 s
    scale_in_cooldown  = 175
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# Where the sessions are.
resource "aws_elasticache_replication_group" "chat" {
  replication_group_id = "chat-sessions"
  description          = "sessions of chat"
  engine               = "redis"
  engine_version       = "7.1"
  node_type            = "cache.t4g.small"
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.chat.name
  subnet_group_name    = aws_elasticache_subnet_group.chat.name
  security_group_ids   = var.store_security_groups

  # A replica in another zone takes over by itself.
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true

  transit_encryption_enabled = true
  at_rest_encryption_enabled = true
  auth_token                 = var.store_token

  snapshot_retention_limit = 7
}

resource "aws_elasticache_parameter_group" "chat" {
  name   = "chat-sessions"
  family = "redis7"

  # The default, volatile-lru, drops sessions when memory is short, and says
  # nothing. This one refuses writes, which is seen.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_subnet_group" "chat" {
  name       = "chat-sessions"
  subnet_ids = var.private_subnets
}

package render

// mutation damages one setting of what is rendered.
type mutation struct {
	policy   string
	targets  string // with blanks between
	file     string
	old, new string
	want     string // rules that must speak, with blanks between; others may
}

// mutations are each found by a rule.
var mutations = []mutation{
	// Kubernetes, the way out.
	{"streams", "kubernetes ingress-nginx", "kubernetes.yaml", "terminationGracePeriodSeconds: 98", "terminationGracePeriodSeconds: 92", "EK-K8S-001"},
	{"streams", "kubernetes ingress-nginx", "kubernetes.yaml", "terminationGracePeriodSeconds: 98", "terminationGracePeriodSeconds: 8", "EK-K8S-002"},
	{"streams", "kubernetes ingress-nginx", "kubernetes.yaml", "terminationGracePeriodSeconds: 98", "terminationGracePeriodSeconds: 0", "EK-K8S-007"},
	{"streams", "kubernetes ingress-nginx", "kubernetes.yaml", "terminationGracePeriodSeconds: 98", "terminationGracePeriodSeconds: 4000", "EK-K8S-018"},
	{"streams", "kubernetes ingress-nginx", "kubernetes.yaml", "sleep: {seconds: 8}", "sleep: {seconds: 7}", "EK-K8S-004"},
	{"streams", "kubernetes", "kubernetes.yaml", "preStop:", "postStart:", "EK-K8S-003"},
	{"memory", "kubernetes", "kubernetes.yaml", `exec: {command: [sleep, "10"]}`, "sleep: {seconds: 10}", "EK-K8S-006"},
	{"memory", "kubernetes", "kubernetes.yaml", `registry.example/legacy:7`, "gcr.io/distroless/java:7", "EK-K8S-005"},
	// Kubernetes, rollouts and routing.
	{"streams", "kubernetes", "kubernetes.yaml", "maxUnavailable: 0", "maxUnavailable: 1", "EK-K8S-027"},
	{"streams", "kubernetes", "kubernetes.yaml", "type: RollingUpdate", "type: Recreate", "EK-K8S-026"},
	{"streams", "kubernetes", "kubernetes.yaml", "maxSurge: 25%", "maxSurge: 0", "EK-K8S-027"},
	{"streams", "kubernetes", "kubernetes.yaml", "startupProbe:\n            httpGet: {path: /readyz, port: http}\n            periodSeconds: 5\n            # (start 30 s + margin 3 s) / period 5 s, rounded up\n            failureThreshold: 7\n          readinessProbe:", "otherProbe:", "EK-K8S-020"},
	{"streams", "kubernetes", "kubernetes.yaml", "path: /livez, port: http}\n            periodSeconds: 10", "path: /readyz, port: http}\n            periodSeconds: 3", "EK-K8S-021"},
	{"streams", "kubernetes", "kubernetes.yaml", "  ports:\n    - {name: http, port: 80", "  publishNotReadyAddresses: true\n  ports:\n    - {name: http, port: 80", "EK-K8S-022"},
	{"streams", "kubernetes", "kubernetes.yaml", "            failureThreshold: 3", "            failureThreshold: 3\n            terminationGracePeriodSeconds: 10", "EK-K8S-008"},
	{"memory", "kubernetes", "kubernetes.yaml", "minReplicas: 2", "minReplicas: 1", "EK-K8S-037"},
	{"streams", "kubernetes", "kubernetes.yaml", "progressDeadlineSeconds: 600", "progressDeadlineSeconds: 50", "EK-BUD-005"},
	{"streams", "kubernetes", "kubernetes.yaml", "failureThreshold: 7", "failureThreshold: 200", "EK-BUD-005"},
	// Behind the AWS Load Balancer Controller, and a Gateway.
	{"aws", "kubernetes", "kubernetes.yaml", "sleep: {seconds: 20}", "sleep: {seconds: 19}", "EK-K8S-004"},
	{"aws", "kubernetes", "kubernetes.yaml", "target-type: ip", "target-type: instance", "EK-K8S-030"},
	{"aws", "kubernetes", "kubernetes.yaml", "delay.timeout_seconds=75", "delay.timeout_seconds=69", "EK-K8S-031"},
	{"aws", "kubernetes", "kubernetes.yaml", "stickiness.enabled=true", "stickiness.enabled=false", "EK-K8S-033"},
	{"aws", "kubernetes", "kubernetes.yaml", "      sessionPersistence:\n        type: Cookie\n        cookie: {name: web-affinity}\n", "", "EK-GW-001"},
	// Kubernetes, scaling and disruption.
	{"streams", "kubernetes", "kubernetes.yaml", "periodSeconds: 98", "periodSeconds: 97", "EK-HPA-002"},
	{"streams", "kubernetes", "kubernetes.yaml", "scaleDown:", "scaleUp:", "EK-HPA-001"},
	{"streams", "kubernetes", "kubernetes.yaml", "stabilizationWindowSeconds: 300", "stabilizationWindowSeconds: 299", "EK-HPA-003"},
	{"streams", "kubernetes", "kubernetes.yaml", "  strategy:\n    type", "  replicas: 3\n  strategy:\n    type", "EK-HPA-004"},
	{"streams", "kubernetes", "kubernetes.yaml", "maxUnavailable: 1\n", "maxUnavailable: 0\n", "EK-PDB-002"},
	{"streams", "kubernetes", "kubernetes.yaml", "kind: PodDisruptionBudget", "kind: OtherBudget", "EK-PDB-001"},
	// ingress-nginx.
	{"memory", "kubernetes ingress-nginx", "ingress.yaml", "affinity: cookie", "affinity: none", "EK-ING-001"},
	{"memory", "kubernetes ingress-nginx", "ingress.yaml", "affinity-mode: persistent", "affinity-mode: balanced", "EK-ING-002"},
	{"memory", "kubernetes ingress-nginx", "ingress.yaml", `max-age: "28800"`, `max-age: "1199"`, "EK-ING-003"},
	{"memory", "kubernetes ingress-nginx", "ingress.yaml", `change-on-failure: "true"`, `change-on-failure: "false"`, "EK-ING-004"},
	{"memory", "kubernetes ingress-nginx", "ingress.yaml", "    nginx.ingress.kubernetes.io/session-cookie-path: /", `    nginx.ingress.kubernetes.io/use-regex: "true"`, "EK-ING-006"},
	{"streams", "kubernetes ingress-nginx", "ingress.yaml", `proxy-read-timeout: "60"`, `proxy-read-timeout: "20"`, "EK-BUD-001"},
	// ECS and ALB, in Terraform.
	{"streams", "terraform", "main.tf", "stopTimeout = 90", "stopTimeout = 89", "EK-ECS-001"},
	{"streams", "terraform", "main.tf", "stopTimeout = 90", "stopTimeout = 121", "EK-ECS-002"},
	{"streams", "terraform", "main.tf", "deregistration_delay = 85", "deregistration_delay = 29", "EK-ECS-003"},
	{"streams", "terraform", "main.tf", "deregistration_delay = 85", "deregistration_delay = 0", "EK-ECS-003"},
	{"memory", "terraform", "main.tf", "deregistration_delay = 22", "deregistration_delay = 300", "EK-ECS-020"},
	{"spot", "terraform", "main.tf", "deregistration_delay = 22", "deregistration_delay = 120", "EK-ECS-005"},
	{"spot", "terraform", "main.tf", "unhealthy_threshold = 2", "unhealthy_threshold = 10", "EK-ALB-011"},
	{"spot", "terraform", "main.tf", "interval            = 5", "interval            = 60", "EK-ECS-006"},
	{"streams", "terraform", "main.tf", "deployment_minimum_healthy_percent = 100", "deployment_minimum_healthy_percent = 50", "EK-ECS-012"},
	{"streams", "terraform", "main.tf", "deployment_maximum_percent         = 200", "deployment_maximum_percent         = 100", "EK-ECS-013"},
	{"streams", "terraform", "main.tf", "health_check_grace_period_seconds = 44", "health_check_grace_period_seconds = 0", "EK-ECS-014"},
	{"streams", "terraform", "main.tf", "ignore_changes = [desired_count]", "ignore_changes = []", "EK-ECS-019"},
	{"streams", "terraform", "main.tf", "scale_in_cooldown  = 175", "scale_in_cooldown  = 84", "EK-ECS-020"},
	{"streams", "terraform", "main.tf", "idle_timeout = 60", "idle_timeout = 29", "EK-ALB-006"},
	{"memory", "terraform", "main.tf", `type            = "lb_cookie"`, "type = \"lb_cookie\"\n    enabled = false", "EK-ALB-001"},
	{"memory", "terraform", "main.tf", "cookie_duration = 28800", "cookie_duration = 1199", "EK-ALB-002"},
	{"memory", "terraform", "main.tf", "ecs:UpdateTaskProtection", "ecs:Other", "EK-ECS-022"},
	// ECS and ALB, for the AWS CLI.
	{"streams", "ecs", "ecs-task-definition.json", `"stopTimeout": 90`, `"stopTimeout": 89`, "EK-ECS-001"},
	{"streams", "ecs", "ecs-service.json", `"minimumHealthyPercent": 100`, `"minimumHealthyPercent": 0`, "EK-ECS-012"},
	{"streams", "ecs", "ecs-service.json", `"healthCheckGracePeriodSeconds": 44`, `"healthCheckGracePeriodSeconds": 0`, "EK-ECS-014"},
	{"streams", "ecs", "ecs-target-group-attributes.json", `"Value": "85"`, `"Value": "29"`, "EK-ECS-003"},
	{"streams", "ecs", "ecs-scaling-policy.json", `"ScaleInCooldown": 175`, `"ScaleInCooldown": 60`, "EK-ECS-020"},
	// The store, in Terraform.
	{"streams", "terraform", "main.tf", "transit_encryption_enabled = true", "transit_encryption_enabled = false", "EK-STO-001"},
	{"streams", "terraform", "main.tf", "  auth_token                 = var.store_token\n", "", "EK-STO-002"},
	{"streams", "terraform", "main.tf", "num_cache_clusters         = 2", "num_cache_clusters         = 1", "EK-STO-003"},
	{"streams", "terraform", "main.tf", "automatic_failover_enabled = true", "automatic_failover_enabled = false", "EK-STO-004"},
	{"streams", "terraform", "main.tf", "multi_az_enabled           = true", "multi_az_enabled           = false", "EK-STO-005"},
	{"streams", "terraform", "main.tf", `value = "noeviction"`, `value = "allkeys-lru"`, "EK-STO-006"},
	{"streams", "terraform", "main.tf", `engine_version       = "7.1"`, `engine_version       = "5.0.6"`, "EK-STO-008"},
	// Spring and Eureka.
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "shutdown: graceful", "shutdown: immediate", "EK-SPR-001"},
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "timeout-per-shutdown-phase: 35s", "timeout-per-shutdown-phase: 56s", "EK-SPR-002"},
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "timeout-per-shutdown-phase: 35s", "timeout-per-shutdown-phase: 29s", "EK-SPR-003"},
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "execution:\n      shutdown: {await-termination: true, ", "execution:\n      shutdown: {await-termination: false, ", "EK-SPR-012"},
	{"spring", "terraform spring", "orders/application-evenkeel.yml", "keep-alive-timeout: 75s", "keep-alive-timeout: 60s", "EK-ALB-005"},
	{"spring", "kubernetes spring", "caller/application-evenkeel.yml", "registry-fetch-interval-seconds: 5", "registry-fetch-interval-seconds: 30", "EK-EUR-001"},
	{"spring", "kubernetes spring", "caller/application-evenkeel.yml", "ttl: 5s", "ttl: 35s", "EK-EUR-001"},
	{"spring", "kubernetes spring", "registry/application-evenkeel.yml", "update-interval-ms: 3000", "update-interval-ms: 30000", "EK-EUR-001"},
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "lease-expiration-duration-in-seconds: 10", "lease-expiration-duration-in-seconds: 9", "EK-EUR-005"},
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "lease-renewal-interval-in-seconds: 5", "lease-renewal-interval-in-seconds: 30", "EK-EUR-005"},
	{"spring", "kubernetes spring", "kubernetes.yaml", "sleep 15", "sleep 12", "EK-EUR-001 EK-K8S-004"},
	// systemd.
	{"memory", "systemd", "legacy.service", "TimeoutStopSec=36", "TimeoutStopSec=35", "EK-SYS-001"},
	{"streams", "systemd", "chat.service", "KillMode=mixed", "KillMode=none", "EK-SYS-002"},
}

// unseen are settings that matter and that no rule looks at so far, or not in
// these files. A rule that begins to see one moves it up.
var unseen = []mutation{
	{"streams", "kubernetes", "kubernetes.yaml", "minReadySeconds: 18", "minReadySeconds: 0", ""},
	{"streams", "kubernetes", "kubernetes.yaml", "limits: {memory: 512Mi}", "limits: {memory: 1Gi}", ""},
	{"streams", "kubernetes", "kubernetes.yaml", "requests: {cpu: 250m, memory: 512Mi}", "requests: {cpu: 250m}", ""},
	{"streams", "kubernetes", "kubernetes.yaml", "value: 1, periodSeconds", "value: 10, periodSeconds", ""},
	{"aws", "kubernetes", "kubernetes.yaml", "delay.timeout_seconds=75", "delay.timeout_seconds=300", ""},
	{"aws", "kubernetes", "kubernetes.yaml", "duration_seconds=3600", "duration_seconds=3599", ""},
	{"aws", "kubernetes", "kubernetes.yaml", "idle_timeout.timeout_seconds=75", "idle_timeout.timeout_seconds=69", ""},
	{"aws", "kubernetes", "kubernetes.yaml", "minReadySeconds: 30", "minReadySeconds: 0", ""},
	{"spot", "terraform", "main.tf", "base              = 3", "base              = 0", ""},
	{"streams", "terraform", "main.tf", "snapshot_retention_limit = 7", "snapshot_retention_limit = 0", ""},
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "save-mode: on-get-attribute", "save-mode: on-set-attribute", ""},
	{"spring", "kubernetes spring", "orders/application-evenkeel.yml", "        enabled: true\n", "        enabled: false\n", ""},
	{"spring", "spring", "caller/application-evenkeel.yml", "max-idle-time: 70s", "max-idle-time: 80s", ""},
	{"spring", "spring", "registry/application-evenkeel.yml", "enable-self-preservation: false", "enable-self-preservation: true", ""},
	{"streams", "systemd", "chat.service", "KillSignal=SIGTERM", "KillSignal=SIGKILL", ""},
	{"streams", "nginx", "nginx.conf", "worker_shutdown_timeout 80s;", "worker_shutdown_timeout 20s;", ""},
	{"streams", "nginx", "nginx.conf", "least_conn;", "ip_hash;", ""},
	{"streams", "nginx", "nginx.conf", "error timeout http_503", "off", ""},
	{"spring", "spring nginx", "nginx.conf", "keepalive_timeout 70s;", "keepalive_timeout 80s;", ""},
	{"streams", "haproxy", "haproxy.cfg", "hard-stop-after 80s", "hard-stop-after 20s", ""},
	{"memory", "haproxy", "haproxy.cfg", "    option redispatch\n", "", ""},
	{"streams", "haproxy", "haproxy.cfg", "default-server check", "default-server no-check", ""},
}

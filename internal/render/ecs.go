package render

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/internal/policy"
)

// OnDemand is how many tasks are not on Spot: as many as there always are, but
// one. Spot capacity of one kind can go all at once.
func (v *view) OnDemand() int { return max(1, v.Service.Replicas.Min-1) }

// members are a JSON object whose members keep their order.
type members []member

type member struct {
	Name  string
	Value any
}

// MarshalJSON writes the members as they stand.
func (m members) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, one := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(one.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(one.Value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%s", name, value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// ecs writes what the AWS CLI takes by --cli-input-json, and the arithmetic in
// a file beside it, since JSON has no comments.
func ecs(v *view) ([]File, error) {
	if err := v.aws(); err != nil {
		return nil, err
	}
	var files []File
	for _, f := range []struct {
		name string
		data members
	}{
		{"ecs-task-definition.json", v.taskDefinition()},
		{"ecs-service.json", v.ecsService()},
		{"ecs-target-group.json", v.targetGroup()},
		{"ecs-target-group-attributes.json", v.targetGroupAttributes()},
		{"ecs-scaling-policy.json", v.scalingPolicy()},
	} {
		data, err := json.MarshalIndent(f.data, "", "  ")
		if err != nil {
			return nil, err
		}
		files = append(files, File{f.name, append(data, '\n')})
	}
	return append(files, File{"ecs-numbers.txt", v.ecsNumbers()}), nil
}

func (v *view) taskDefinition() members {
	container := members{
		{"name", v.Name()},
		{"image", v.Service.Image},
		{"essential", true},
		{"portMappings", []members{{{"containerPort", v.Service.Port}, {"protocol", "tcp"}}}},
		{"stopTimeout", v.E.StopTimeout.Value},
		{"environment", []members{{{"name", "EVENKEEL_GRACE"}, {"value", fmt.Sprint(v.E.StopTimeout.Value)}}}},
	}
	if v.Redis() {
		container = append(container, member{"secrets", []members{{{"name", "SESSION_STORE_URL"}, {"valueFrom", "arn:aws:secretsmanager:REGION:ACCOUNT:secret:" + v.Name() + "-session-store"}}}})
	}
	return members{
		{"family", v.Name()},
		{"requiresCompatibilities", []string{"FARGATE"}},
		{"networkMode", "awsvpc"},
		{"cpu", "512"},
		{"memory", "1024"},
		{"executionRoleArn", "arn:aws:iam::ACCOUNT:role/" + v.Name() + "-execution"},
		{"taskRoleArn", "arn:aws:iam::ACCOUNT:role/" + v.Name()},
		{"containerDefinitions", []members{container}},
	}
}

func (v *view) ecsService() members {
	m := members{
		{"cluster", "CLUSTER"},
		{"serviceName", v.Name()},
		{"taskDefinition", v.Name()},
		{"desiredCount", v.Service.Replicas.Min},
	}
	if v.Policy.Spot {
		m = append(m, member{"capacityProviderStrategy", []members{
			{{"capacityProvider", "FARGATE"}, {"base", v.OnDemand()}, {"weight", 1}},
			{{"capacityProvider", "FARGATE_SPOT"}, {"weight", 3}},
		}})
	} else {
		m = append(m, member{"launchType", "FARGATE"})
	}
	return append(m,
		member{"deploymentConfiguration", members{
			{"minimumHealthyPercent", 100}, {"maximumPercent", 200},
			{"deploymentCircuitBreaker", members{{"enable", true}, {"rollback", true}}},
		}},
		member{"healthCheckGracePeriodSeconds", v.E.HealthCheckGrace.Value},
		member{"loadBalancers", []members{{
			{"targetGroupArn", "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/" + v.Name() + "/ID"},
			{"containerName", v.Name()}, {"containerPort", v.Service.Port},
		}}},
		member{"networkConfiguration", members{{"awsvpcConfiguration", members{
			{"subnets", []string{"SUBNET-A", "SUBNET-B"}}, {"securityGroups", []string{"SECURITY-GROUP"}}, {"assignPublicIp", "DISABLED"},
		}}}},
	)
}

func (v *view) targetGroup() members {
	h := v.Service.Health
	return members{
		{"Name", v.Name()},
		{"Protocol", "HTTP"},
		{"Port", v.Service.Port},
		{"VpcId", "VPC"},
		{"TargetType", "ip"},
		{"HealthCheckPath", h.Path},
		{"HealthCheckIntervalSeconds", v.E.HealthInterval.Value},
		{"HealthCheckTimeoutSeconds", 3},
		{"HealthyThresholdCount", h.Healthy},
		{"UnhealthyThresholdCount", h.Unhealthy},
		{"Matcher", members{{"HttpCode", "200"}}},
	}
}

func (v *view) targetGroupAttributes() members {
	all := []members{attribute("deregistration_delay.timeout_seconds", fmt.Sprint(v.E.DeregistrationDelay.Value))}
	switch mode := policy.AffinityMode(v.Mode()); {
	case mode == policy.AffinityCookie:
		all = append(all, attribute("stickiness.enabled", "true"), attribute("stickiness.type", "lb_cookie"),
			attribute("stickiness.lb_cookie.duration_seconds", fmt.Sprint(v.A.Stickiness.Value)))
	case (mode == policy.AffinityAppCookie || mode == policy.AffinitySession) && v.AppCookie() != "":
		all = append(all, attribute("stickiness.enabled", "true"), attribute("stickiness.type", "app_cookie"),
			attribute("stickiness.app_cookie.cookie_name", v.AppCookie()),
			attribute("stickiness.app_cookie.duration_seconds", fmt.Sprint(v.A.Stickiness.Value)))
	}
	return members{
		{"TargetGroupArn", "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/" + v.Name() + "/ID"},
		{"Attributes", all},
	}
}

func attribute(key, value string) members { return members{{"Key", key}, {"Value", value}} }

func (v *view) scalingPolicy() members {
	return members{
		{"PolicyName", v.Name() + "-cpu"},
		{"ServiceNamespace", "ecs"},
		{"ResourceId", "service/CLUSTER/" + v.Name()},
		{"ScalableDimension", "ecs:service:DesiredCount"},
		{"PolicyType", "TargetTrackingScaling"},
		{"TargetTrackingScalingPolicyConfiguration", members{
			{"TargetValue", 60},
			{"PredefinedMetricSpecification", members{{"PredefinedMetricType", "ECSServiceAverageCPUUtilization"}}},
			{"ScaleInCooldown", v.E.ScaleInCooldown.Value},
			{"ScaleOutCooldown", 60},
		}},
	}
}

const ecsCommands = `Written by evenkeel render ecs, for service %[1]s. Replace the words in capitals.

aws elbv2 create-target-group --cli-input-json file://ecs-target-group.json
aws elbv2 modify-target-group-attributes --cli-input-json file://ecs-target-group-attributes.json
aws elbv2 modify-load-balancer-attributes --load-balancer-arn BALANCER --attributes Key=idle_timeout.timeout_seconds,Value=%[2]d
aws ecs register-task-definition --cli-input-json file://ecs-task-definition.json
aws ecs create-service --cli-input-json file://ecs-service.json
aws application-autoscaling register-scalable-target --service-namespace ecs --resource-id service/CLUSTER/%[1]s --scalable-dimension ecs:service:DesiredCount --min-capacity %[3]d --max-capacity %[4]d
aws application-autoscaling put-scaling-policy --cli-input-json file://ecs-scaling-policy.json

`

const protection = `The sessions are in the process, and scale-in takes tasks without asking: the
program has to protect its task while it has any, by PUT
$ECS_AGENT_URI/task-protection/v1/state, again before ExpiresInMinutes. The
task's role needs ecs:UpdateTaskProtection.

`

func (v *view) ecsNumbers() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, ecsCommands, v.Name(), v.A.IdleTimeout.Value, v.Service.Replicas.Min, v.Service.Replicas.Max)
	if v.Memory() {
		b.WriteString(protection)
	}
	for _, of := range []any{v.E, v.A} {
		for _, n := range policy.Numbers(of) {
			fmt.Fprintln(&b, n)
		}
	}
	return []byte(b.String())
}

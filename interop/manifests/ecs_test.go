package manifests

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// inputs are what the AWS CLI's --cli-input-json stands for. encoding/json
// matches names without regard to case, the CLI does not: see TestNamesOfECS.
func inputs() map[string]any {
	return map[string]any{
		"ecs-task-definition.json":         new(ecs.RegisterTaskDefinitionInput),
		"ecs-service.json":                 new(ecs.CreateServiceInput),
		"ecs-target-group.json":            new(elb.CreateTargetGroupInput),
		"ecs-target-group-attributes.json": new(elb.ModifyTargetGroupAttributesInput),
		"ecs-scaling-policy.json":          new(applicationautoscaling.PutScalingPolicyInput),
	}
}

func take(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

func TestECSTakesIt(t *testing.T) {
	for _, name := range policies {
		into := inputs()
		for _, f := range rendered(t, name, "ecs", nil) {
			v := into[f.Name]
			if v == nil {
				if !strings.HasSuffix(f.Name, ".txt") {
					t.Errorf("%s: nothing takes %s", name, f.Name)
				}
				continue
			}
			if err := take(f.Data, v); err != nil {
				t.Errorf("%s: %s: %v\n%s", name, f.Name, err, f.Data)
			}
			delete(into, f.Name)
		}
		if len(into) > 0 {
			t.Errorf("%s: not rendered: %v", name, into)
		}
	}
	if err := take([]byte(`{"containerDefinitions":[{"stopTimeOutSeconds":30}]}`), new(ecs.RegisterTaskDefinitionInput)); err == nil {
		t.Error("control: an unknown name was taken")
	}
}

func TestECSNumbers(t *testing.T) {
	for _, f := range rendered(t, "spot", "ecs", nil) {
		switch f.Name {
		case "ecs-task-definition.json":
			var in ecs.RegisterTaskDefinitionInput
			if err := take(f.Data, &in); err != nil || *in.ContainerDefinitions[0].StopTimeout != 120 {
				t.Errorf("got %+v, %v", in, err)
			}
		case "ecs-service.json":
			var in ecs.CreateServiceInput
			if err := take(f.Data, &in); err != nil || *in.HealthCheckGracePeriodSeconds != 44 || len(in.CapacityProviderStrategy) != 2 || in.CapacityProviderStrategy[0].Base != 3 {
				t.Errorf("got %+v, %v", in, err)
			}
		}
	}
}

// ECS' names begin with a small letter, those of the others with a large one.
func TestNamesOfECS(t *testing.T) {
	for _, name := range policies {
		for _, f := range rendered(t, name, "ecs", nil) {
			var v map[string]any
			if json.Unmarshal(f.Data, &v) != nil {
				continue
			}
			small := f.Name == "ecs-task-definition.json" || f.Name == "ecs-service.json"
			for key := range v {
				if is := key[0] >= 'a'; is != small {
					t.Errorf("%s: %s", f.Name, key)
				}
			}
		}
	}
}

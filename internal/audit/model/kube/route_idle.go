package kube

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
)

// BalancerIdle is the idle timeout of the ALB that the AWS Load Balancer
// Controller makes for i; unknown if another Ingress of its group may say it.
func (i *Ingress) BalancerIdle() value.Value[time.Duration] {
	const name = "idle_timeout.timeout_seconds"
	def := value.Of(name, 60*time.Second) // the Elastic Load Balancing API's
	if i.Annotation(ALBPrefix+"group.name").Exists() || i.Annotation(ALBPrefix+"load-balancer-name").Exists() {
		def = value.Value[time.Duration]{State: value.Unknown, Name: name}
	}
	return attribute(i.Annotation(ALBPrefix+"load-balancer-attributes"), name, def, value.ParseSeconds)
}

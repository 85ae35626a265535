package model

import "time"

// BalancerIdle is the idle timeout of the ALB that the AWS Load Balancer
// Controller makes for i; unknown if another Ingress of its group may say it.
func (i *Ingress) BalancerIdle() Value[Duration] {
	const name = "idle_timeout.timeout_seconds"
	def := Of(name, 60*time.Second) // the Elastic Load Balancing API's
	if i.Annotation(ALBPrefix+"group.name").Exists() || i.Annotation(ALBPrefix+"load-balancer-name").Exists() {
		def = Value[Duration]{State: Unknown, Name: name}
	}
	return attribute(i.Annotation(ALBPrefix+"load-balancer-attributes"), name, def, seconds)
}

// Package aws is what ECS and ELB are set up to do, in the words of neither
// Terraform nor CloudFormation.
//
// Guarantees: the order is that of the files; what a reference does not decide
// is nil, and what no file says and has no default is unknown.
package aws

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Account is what ECS and ELB say beyond services, whichever language says it: the
// answers of the aws command, Terraform and its plans, CloudFormation.
type Account struct {
	Tasks        []*TaskDefinition
	TaskServices []*TaskService
	TargetGroups []*TargetGroup
	Balancers    []*Balancer
	Forwards     []*Forward
	Scalings     []*Scaling
	Providers    []*CapacityProvider
	Instances    []*SpotInstances

	// RolesRead is set if files say what roles may do, and ProtectionMentioned
	// if one of them names ecs:UpdateTaskProtection.
	RolesRead, ProtectionMentioned bool
}

// TaskDefinition is what a task runs.
type TaskDefinition struct {
	Node       *tree.Node // that names it
	Name       string     // family
	Body       *tree.Node
	Containers []*TaskContainer
	Fargate    bool // it is said to run on Fargate
	EC2        bool // it is said to run on EC2
}

// TaskContainer is one container of a task.
type TaskContainer struct {
	Node        *tree.Node
	Name        string
	Image       string
	Essential   bool
	Ports       bool                       // it has port mappings
	StopTimeout value.Value[time.Duration] // default 30 s; on EC2 the host's agent may have another
	Command     *tree.Node                 // command if it is written, else entryPoint; may be nil
	Words       []string                   // entryPoint and command; empty: the image's, or not decided
	DependsOn   []string
	Health      *tree.Node            // healthCheck.command
	Env         map[string]*tree.Node // what environment sets
}

// TaskService is an ECS service.
type TaskService struct {
	Node        *tree.Node // that names it
	Name        string
	Body        *tree.Node
	Task        *TaskDefinition // nil: not known
	Main        *TaskContainer  // that gets the requests; nil: not known
	Groups      []*TargetGroup
	Balanced    bool // it has a load balancer, known or not
	Alone       bool // no service was read: a task definition that has ports
	Registries  []*tree.Node
	Desired     value.Value[int]
	MinHealthy  value.Value[int]           // percent, default 100
	MaxHealthy  value.Value[int]           // percent, default 200
	HealthGrace value.Value[time.Duration] // default 0
	Bake        value.Value[time.Duration] // of a blue/green deployment
	Daemon      bool
	Fargate     bool
	EC2         bool
	Spot        *tree.Node       // what makes it use FARGATE_SPOT; nil: nothing does
	OnDemand    value.Value[int] // tasks that are always on FARGATE: its base
	Scaling     *Scaling         // nil: none is known
	// KeepsDesired is set if Terraform leaves the number of tasks alone.
	KeepsDesired bool
}

// TargetGroup is one of ELB's.
type TargetGroup struct {
	Node      *tree.Node // that names it
	Name      string
	Body      *tree.Node // where its attributes are, or would be
	Network   bool       // of an NLB: TCP, TLS, UDP
	Delay     value.Value[time.Duration]
	SlowStart value.Value[time.Duration]
	Algorithm value.Value[string]
	Sticky    Stickiness
	Health    HealthCheck

	EndsConnections value.Value[bool] // deregistration_delay.connection_termination
	CutsUnhealthy   value.Value[bool] // target_health_state.unhealthy.connection_termination
	Balancers       []*Balancer
	attributes      map[string]*tree.Node
}

// Stickiness is what keeps a user with a target.
type Stickiness struct {
	Enabled value.Value[bool]
	Kind    value.Value[string]
	Length  value.Value[time.Duration]
	Cookie  value.Value[string] // of app_cookie
	Node    *tree.Node          // its block; nil: none
}

// HealthCheck is how a target group finds targets to be gone.
type HealthCheck struct {
	Interval           value.Value[time.Duration]
	Healthy, Unhealthy value.Value[int]
}

// Detection is how long a target that fails may stay in use, and whether that
// is known.
func (h HealthCheck) Detection() (time.Duration, bool) {
	// ELB allows 300 s and 10 times; far above nothing is worth computing.
	possible := h.Interval.V >= 0 && h.Interval.V <= time.Hour && h.Unhealthy.V >= 0 && h.Unhealthy.V <= 1000
	return h.Interval.V * time.Duration(h.Unhealthy.V), possible && h.Interval.Known() && h.Unhealthy.Known()
}

// Balancer is a load balancer.
type Balancer struct {
	Node        *tree.Node
	Name        string
	Body        *tree.Node
	Network     bool
	IdleTimeout value.Value[time.Duration] // of an ALB
}

// Forward is an action of a listener or of one of its rules that sends requests
// to target groups.
type Forward struct {
	Node    *tree.Node
	Body    *tree.Node // where stickiness is, or would be
	Name    string     // of the listener or rule
	Groups  []ForwardGroup
	Sticky  value.Value[bool]
	Network bool
}

// ForwardGroup is one target group of several, with its weight.
type ForwardGroup struct {
	Group  *TargetGroup // nil: not known
	Weight value.Value[int]
}

// Scaling is a scalable target of Application Auto Scaling, and its policies.
type Scaling struct {
	Node     *tree.Node
	Name     string
	Min, Max value.Value[int]
	Policies []*ScalingPolicy
}

// ScalingPolicy is one of its policies.
type ScalingPolicy struct {
	Node       *tree.Node
	Name       string
	InCooldown value.Value[time.Duration]
	Steps      []ScalingStep
}

// ScalingStep is how much a step takes away or adds.
type ScalingStep struct {
	Node       *tree.Node
	Adjustment int
	Percent    bool
}

// CapacityProvider is one of EC2 instances.
type CapacityProvider struct {
	Node           *tree.Node
	Name           string
	Body           *tree.Node // where its settings are, or would be
	Draining       value.Value[string]
	Protection     value.Value[string]
	ManagedScaling value.Value[string]
	GroupProtects  value.Value[bool] // the group of instances protects them from scale-in
}

// SpotInstances is a launch template of Spot instances.
type SpotInstances struct {
	Node     *tree.Node
	Name     string
	UserData value.Value[string] // what an instance runs when it starts
}

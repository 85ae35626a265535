package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
)

// Events are what is done to the service, in turn, each Every.
type Events struct {
	Every time.Duration `yaml:"every"` // 0 is 10 s
	Do    []Event       `yaml:"do,required,many"`
}

// Event is one thing to do; exactly one field but Pos is set.
type Event struct {
	Exec    string     `yaml:"exec"` // through sh -c
	Kubectl *Kubectl   `yaml:"kubectl"`
	ECS     *ECS       `yaml:"ecs"`
	Gateway *Gateway   `yaml:"gateway"`
	Redis   *Redis     `yaml:"redis"`
	Local   *Local     `yaml:"local"`
	Pos     config.Pos `yaml:"-"`
}

// Kubectl is one action of kubectl: the one field that is set of Scale (with
// Replicas), RolloutRestart, DeletePod and DrainNode.
type Kubectl struct {
	Scale          string `yaml:"scale"`
	RolloutRestart string `yaml:"rollout_restart"`
	DeletePod      string `yaml:"delete_pod"`
	DrainNode      string `yaml:"drain_node"`
	Replicas       *int   `yaml:"replicas"`
	Namespace      string `yaml:"namespace"`
	Context        string `yaml:"context"`
}

// ECS is one action on a service of Amazon ECS: the one that is set of Desired,
// StopTask and ForceNewDeployment.
type ECS struct {
	Cluster            string `yaml:"cluster,required"`
	Service            string `yaml:"service,required"`
	Desired            *int   `yaml:"desired"`
	StopTask           string `yaml:"stop_task"` // random | ARN
	ForceNewDeployment bool   `yaml:"force_new_deployment"`
}

// Gateway deregisters a target from an evenkeel gateway and registers it again.
type Gateway struct {
	Admin  string        `yaml:"admin,required"`
	Group  string        `yaml:"group,required"`
	Target string        `yaml:"target,required"`
	Token  config.Secret `yaml:"token"`
}

// Redis is a failover that a Sentinel is asked for.
type Redis struct {
	Sentinel string `yaml:"sentinel,required"`
	Master   string `yaml:"master,required"`
}

// Local stops one of the instances that the drill itself has started by
// Command.
type Local struct {
	Stop      string   `yaml:"stop,required"` // random | name
	Signal    string   `yaml:"signal"`        // "" is TERM
	Command   []string `yaml:"command"`
	Instances int      `yaml:"instances"`
	Port      int      `yaml:"port"`
}

// Validate implements config.Validator.
func (e *Events) Validate(at config.At) {
	if at.Has("every") && e.Every < time.Second {
		at.Errorf("every", "found %v, allowed: at least 1s", e.Every)
	}
	if len(e.Do) == 0 {
		at.Errorf("do", "found no event, allowed: one or more")
	}
}

// Validate implements config.Validator.
func (e *Event) Validate(at config.At) {
	oneOf(at, "exec", "kubectl", "ecs", "gateway", "redis", "local")
	if at.Has("exec") && strings.TrimSpace(e.Exec) == "" {
		at.Errorf("exec", "found nothing, allowed: a command for sh -c")
	}
}

// Validate implements config.Validator.
func (k *Kubectl) Validate(at config.At) {
	oneOf(at, "scale", "rollout_restart", "delete_pod", "drain_node")
	switch {
	case k.Scale != "" && (k.Replicas == nil || *k.Replicas < 0):
		at.Errorf("replicas", "is required with scale, allowed: a number of at least 0")
	case k.Scale == "" && k.Replicas != nil:
		at.Errorf("replicas", "found without scale, allowed: with scale only")
	}
	for key, v := range map[string]string{
		"scale": k.Scale, "rollout_restart": k.RolloutRestart, "delete_pod": k.DeletePod, "drain_node": k.DrainNode,
		"namespace": k.Namespace, "context": k.Context,
	} {
		if at.Has(key) && (v == "" || v[0] == '-') {
			at.Errorf(key, "found %s, allowed: a name such as deploy/shop", at.Found(key, v))
		}
	}
}

// Validate implements config.Validator.
func (e *ECS) Validate(at config.At) {
	oneOf(at, "desired", "stop_task", "force_new_deployment")
	if e.Desired != nil && *e.Desired < 0 {
		at.Errorf("desired", "found %d, allowed: a number of at least 0", *e.Desired)
	}
	if s := e.StopTask; at.Has("stop_task") && s != "random" && !strings.HasPrefix(s, "arn:") {
		at.Errorf("stop_task", "found %s, allowed: random, or the ARN of a task", at.Found("stop_task", s))
	}
	if at.Has("force_new_deployment") && !e.ForceNewDeployment {
		at.Errorf("force_new_deployment", "found false, allowed: true")
	}
}

var signals = []string{"TERM", "KILL", "INT", "HUP", "QUIT", "STOP"}

// Validate implements config.Validator.
func (l *Local) Validate(at config.At) {
	if at.Has("signal") && !slices.Contains(signals, l.Signal) {
		at.Errorf("signal", "found %s, allowed: %s", at.Found("signal", l.Signal), strings.Join(signals, ", "))
	}
	if at.Has("instances") && (l.Instances < 1 || l.Instances > 1000) {
		at.Errorf("instances", "found %d, allowed: 1 to 1000", l.Instances)
	}
	if at.Has("port") && (l.Port < 1 || l.Port > 65535) {
		at.Errorf("port", "found %d, allowed: 1 to 65535", l.Port)
	}
}

// oneOf reports a mapping that has not exactly one of the keys.
func oneOf(at config.At, keys ...string) {
	var found []string
	for _, k := range keys {
		if at.Has(k) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		at.Errorf("", "found %s, allowed: exactly one of %s", or(strings.Join(found, " and "), "none"), strings.Join(keys, ", "))
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Package model is what files say about services and how their instances
// leave, in one shape for all platforms. Rules are written against it.
//
//	m := model.Build(files, pol)
//	for _, s := range m.Services {
//		fmt.Println(s.Name, s.PreStop, s.Grace, s.Needs)
//	}
//
// What the files of one platform say by themselves is read by the packages below
// this one; here it becomes services, and is joined to them.
//
// Guarantees: every value knows where it stands; what files do not decide is
// unknown, never a guess; the order is that of the files.
//
// Not guaranteed: that a value is one the platform would accept.
package model

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/unit"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Platform is what runs a service's instances and stops them.
type Platform string

const (
	Kubernetes Platform = "Kubernetes"
	ECS        Platform = "ECS"
	Systemd    Platform = "systemd"
	Process    Platform = "process" // nothing says what runs it: Spring's configuration alone
)

// Model is what the files of one run say.
type Model struct {
	Policy   *policy.Policy // never nil; Stated is false if there is none
	Services []*Service
	Kube     *kube.Cluster
	AWS      *aws.Account
	Spring   []*spring.Application
	Images   []*image.Image
	Stores   []*Store
	Notes    []tree.Note // on what is written and cannot be meant

	resources  *resource.Set // of AWS, for stores
	ofWorkload map[*kube.Workload]*Service
	behind     map[*aws.TargetGroup][]*Service
}

// Of is the workload as all platforms' rules see it; nil only for a workload
// of another model, or for nil.
func (m *Model) Of(w *kube.Workload) *Service { return m.ofWorkload[w] }

// Behind are the services whose tasks are targets of g, in the order of the
// files, each once.
func (m *Model) Behind(g *aws.TargetGroup) []*Service { return m.behind[g] }

// Service is a set of equal instances that users reach.
type Service struct {
	Platform  Platform
	Kind      string // Deployment, Rollout, ECS service
	Namespace string
	Name      string
	Node      *tree.Node      // that names it
	Stated    *policy.Service // what the policy says of it; nil: nothing

	Needs    Needs
	Sessions session.Sessions
	Grace    value.Value[time.Duration] // between SIGTERM (or PreStop's beginning) and SIGKILL
	PreStop  value.Value[time.Duration] // the instance serves on before its SIGTERM; charged to Grace
	Replicas value.Value[int]           // that there are always: the autoscaler's least, if there is one
	Routers  []*route.Router

	Workload *kube.Workload      // on Kubernetes
	Task     *aws.TaskService    // on ECS
	Unit     *unit.Unit          // on systemd
	App      *spring.Application // Spring's configuration, if it is known which
}

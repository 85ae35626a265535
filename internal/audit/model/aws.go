package model

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// buildAWS adds the services that ECS runs.
func buildAWS(m *Model, files []*tree.File) {
	m.resources = resource.Read(files)
	m.AWS = aws.Describe(m.resources, files)
	for _, t := range m.AWS.TaskServices {
		m.addTask(t)
	}
}

// addTask makes a Service of an ECS service.
func (m *Model) addTask(t *aws.TaskService) {
	kind := "ECS service"
	if t.Alone {
		kind = "ECS task"
	}
	s := &Service{Platform: ECS, Kind: kind, Name: t.Name, Node: t.Node, Task: t, Replicas: t.Desired,
		Grace: value.Value[time.Duration]{Name: "stopTimeout", State: value.Unknown}, PreStop: value.Value[time.Duration]{}}
	if t.Main != nil {
		s.Grace = t.Main.StopTimeout
	}
	if t.Scaling != nil && (t.Scaling.Min.Known() || !s.Replicas.Known()) {
		s.Replicas = t.Scaling.Min
	}
	for _, g := range t.Groups {
		kind := route.ALB
		if g.Network {
			kind = route.NLB
		}
		s.Routers = append(s.Routers, &route.Router{Kind: kind, Node: g.Node, Window: balancerWindow})
		m.behind[g] = append(m.behind[g], s)
	}
	m.Services = append(m.Services, s)
}

// balancerWindow is how long a balancer of AWS may send to a target that it
// took out: it was seen sending for a few seconds (aws-load-balancer-controller
// issues 1064, 2366, 3270).
const balancerWindow = 5 * time.Second

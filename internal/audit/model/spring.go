package model

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// otherPrograms are images that are no Spring Boot application, besides those
// that are known as stores and tools.
var otherPrograms = image.Names(`nginx nginx-unprivileged httpd haproxy envoy traefik caddy keycloak oauth2-proxy node python php ruby golang wordpress`)

// buildSpring finds applications, and the services that run them. One that
// nothing runs is a service of its own.
func buildSpring(m *Model, files []*tree.File) {
	inside, outside := spring.Read(files, m.Kube)
	joined := joinSpring(m, inside, outside)
	for _, a := range append(inside, outside...) {
		if !joined[a] {
			a.Settle(nil, "")
			m.Services = append(m.Services, &Service{Platform: Process, Kind: "Spring application", Name: a.Name, Node: a.Node,
				Replicas: value.Value[int]{State: value.Unknown}, Grace: value.Value[time.Duration]{State: value.Unknown}, PreStop: value.Value[time.Duration]{State: value.Unknown}, App: a})
		}
	}
	for _, s := range m.Services {
		if s.App != nil {
			m.Spring = append(m.Spring, s.App)
		}
	}
}

// joinSpring finds which service runs which application, and tells what was
// joined. What is not decided is not joined.
func joinSpring(m *Model, inside, outside []*spring.Application) map[*spring.Application]bool {
	j := &springJoin{kube: m.Kube, inside: inside, outside: outside, joined: map[*spring.Application]bool{}, maps: map[string]*kube.Object{}}
	for _, o := range m.Kube.Objects {
		if o.Kind == "ConfigMap" {
			j.maps[o.Namespace+"/"+o.Name] = o
		}
	}
	j.index(m.Services)
	for _, s := range m.Services {
		switch {
		case s.Workload != nil:
			j.service(s)
		case s.Task != nil && s.Task.Main != nil:
			j.byName(s, []string{s.Name, s.Task.Main.Name}, spring.TaskEnvironment(s.Task.Main))
		case s.Unit != nil:
			j.byName(s, []string{s.Name}, spring.UnitEnvironment(s.Unit))
		}
	}
	return j.joined
}

type springJoin struct {
	kube            *kube.Cluster
	inside, outside []*spring.Application
	joined          map[*spring.Application]bool
	maps            map[string]*kube.Object              // ConfigMaps by namespace and name
	named           map[string][]*spring.Application     // of files, by name
	byMap           map[*kube.Object]*spring.Application // of ConfigMaps
	folders         map[string]*springFolder
}

// springFolder is what is in a folder and below it.
type springFolder struct {
	apps     []*spring.Application
	services []*Service // that could run one
}

func (j *springJoin) index(services []*Service) {
	j.named, j.byMap, j.folders = map[string][]*spring.Application{}, map[*kube.Object]*spring.Application{}, map[string]*springFolder{}
	for _, a := range j.outside {
		j.byMap[a.ConfigMap] = a
	}
	for _, a := range j.inside {
		j.named[strings.ToLower(a.Name)] = append(j.named[strings.ToLower(a.Name)], a)
		for _, f := range j.above(a.Module) {
			f.apps = append(f.apps, a)
		}
	}
	if len(j.inside) == 0 {
		return
	}
	for _, s := range services {
		if s.Workload == nil || !s.Workload.Web() || !slices.ContainsFunc(s.Workload.Containers, mayRunSpring) {
			continue
		}
		for _, f := range j.above(path.Dir(s.Node.Pos().File)) {
			f.services = append(f.services, s)
		}
	}
}

// above are the folder and those it is in, the nearest first.
func (j *springJoin) above(dir string) (all []*springFolder) {
	for ; ; dir = path.Dir(dir) {
		if j.folders[dir] == nil {
			j.folders[dir] = &springFolder{}
		}
		all = append(all, j.folders[dir])
		if dir == path.Dir(dir) {
			return all
		}
	}
}

func mayRunSpring(c *kube.Container) bool {
	name, _ := c.ImageName()
	return !c.Sidecar && !c.Mesh() && !image.Known[name] && !otherPrograms[name]
}

// service joins what the service's pods run.
func (j *springJoin) service(s *Service) {
	inside, container := j.insideOf(s)
	mounted := j.mountedBy(s)
	if inside == nil && mounted == nil {
		return
	}
	a := spring.Merge(inside, mounted)
	j.joined[inside], j.joined[mounted] = true, true // either may be nil, which nobody asks for
	if container == nil {
		container = onlySpring(s.Workload)
	}
	var env *spring.Environment
	if container != nil {
		env = spring.EnvironmentOf(s.Workload, container, j.maps)
	}
	a.Settle(env, string(s.Platform))
	s.App = a
}

// byName joins the application that has one of the names, the first before the
// others.
func (j *springJoin) byName(s *Service, names []string, env *spring.Environment) {
	for _, name := range names {
		if named := j.named[strings.ToLower(name)]; len(named) == 1 {
			a := *named[0]
			a.Settle(env, string(s.Platform))
			s.App, j.joined[named[0]] = &a, true
			return
		}
	}
}

// insideOf is the application of files that the service runs: the one of its
// name, or the only one in the folder that has both and nothing else.
func (j *springJoin) insideOf(s *Service) (*spring.Application, *kube.Container) {
	if named := j.named[strings.ToLower(s.Name)]; len(named) == 1 {
		return named[0], nil
	}
	for _, c := range s.Workload.Containers {
		if named := j.named[strings.ToLower(c.Name)]; len(named) == 1 && mayRunSpring(c) {
			return named[0], c
		}
	}
	if len(j.inside) == 0 {
		return nil, nil
	}
	for _, f := range j.above(path.Dir(s.Node.Pos().File)) {
		if len(f.apps) > 0 {
			if len(f.apps) == 1 && slices.Contains(f.services, s) && oneName(f.services) {
				return f.apps[0], nil
			}
			return nil, nil
		}
	}
	return nil, nil
}

// oneName reports whether all are the same service, in several environments.
func oneName(services []*Service) bool {
	for _, s := range services {
		if s.Kind != services[0].Kind || s.Name != services[0].Name {
			return false
		}
	}
	return true
}

// mountedBy is the application of the only ConfigMap among the pod's volumes
// that has one.
func (j *springJoin) mountedBy(s *Service) (found *spring.Application) {
	for _, v := range s.Workload.Pod.Get("volumes").List() {
		a := j.byMap[j.maps[s.Namespace+"/"+v.Get("configMap", "name").Text()]]
		if a == nil {
			continue
		}
		if found != nil {
			return nil
		}
		found = a
	}
	return found
}

// onlySpring is the container that may run the application, if there is one.
func onlySpring(w *kube.Workload) (found *kube.Container) {
	for _, c := range w.Containers {
		if !mayRunSpring(c) {
			continue
		}
		if found != nil {
			return nil
		}
		found = c
	}
	return found
}

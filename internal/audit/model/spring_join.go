package model

import (
	"path"
	"slices"
	"strings"
)

// otherPrograms are images that are no Spring Boot application, besides those
// that are known as stores and tools.
var otherPrograms = words(`nginx nginx-unprivileged httpd haproxy envoy traefik caddy keycloak oauth2-proxy node python php ruby golang wordpress`)

// joinSpring finds which service runs which application, and tells what was
// joined. What is not decided is not joined.
func joinSpring(m *Model, inside, outside []*Application) map[*Application]bool {
	j := &springJoin{kube: m.Kube, inside: inside, outside: outside, joined: map[*Application]bool{}, maps: map[string]*Object{}}
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
			j.byName(s, []string{s.Name, s.Task.Main.Name}, taskEnvironment(s.Task.Main))
		case s.Unit != nil:
			j.byName(s, []string{s.Name}, unitEnvironment(s.Unit))
		}
	}
	return j.joined
}

type springJoin struct {
	kube            *Cluster
	inside, outside []*Application
	joined          map[*Application]bool
	maps            map[string]*Object        // ConfigMaps by namespace and name
	named           map[string][]*Application // of files, by name
	byMap           map[*Object]*Application  // of ConfigMaps
	folders         map[string]*springFolder
}

// springFolder is what is in a folder and below it.
type springFolder struct {
	apps     []*Application
	services []*Service // that could run one
}

func (j *springJoin) index(services []*Service) {
	j.named, j.byMap, j.folders = map[string][]*Application{}, map[*Object]*Application{}, map[string]*springFolder{}
	for _, a := range j.outside {
		j.byMap[a.mapOf] = a
	}
	for _, a := range j.inside {
		j.named[strings.ToLower(a.Name)] = append(j.named[strings.ToLower(a.Name)], a)
		for _, f := range j.above(a.module) {
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

func mayRunSpring(c *Container) bool {
	name, _ := c.ImageName()
	return !c.Sidecar && !c.Mesh() && !known[name] && !otherPrograms[name]
}

// service joins what the service's pods run.
func (j *springJoin) service(s *Service) {
	inside, container := j.insideOf(s)
	mounted := j.mountedBy(s)
	if inside == nil && mounted == nil {
		return
	}
	a := &Application{}
	for _, part := range []*Application{inside, mounted} {
		if part == nil {
			continue
		}
		docs := append(slices.Clone(a.docs), part.docs...)
		if a.Node == nil {
			*a = *part
		}
		a.docs = docs
		j.joined[part] = true
	}
	if container == nil {
		container = onlySpring(s.Workload)
	}
	var env *environment
	if container != nil {
		env = environmentOf(s.Workload, container, j.maps)
	}
	a.settle(env, &s.Platform)
	s.App = a
}

// byName joins the application that has one of the names, the first before the
// others.
func (j *springJoin) byName(s *Service, names []string, env *environment) {
	for _, name := range names {
		if named := j.named[strings.ToLower(name)]; len(named) == 1 {
			a := *named[0]
			a.settle(env, &s.Platform)
			s.App, j.joined[named[0]] = &a, true
			return
		}
	}
}

// insideOf is the application of files that the service runs: the one of its
// name, or the only one in the folder that has both and nothing else.
func (j *springJoin) insideOf(s *Service) (*Application, *Container) {
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
func (j *springJoin) mountedBy(s *Service) (found *Application) {
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
func onlySpring(w *Workload) (found *Container) {
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

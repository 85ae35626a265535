package kube

import (
	"slices"
)

// join finds what belongs together. Each namespace is looked at by itself, and
// in it workloads by one label of a selector, so that ten thousand objects are
// joined in a moment. Of objects that several folders have, the nearest counts:
// see near.
func (c *Cluster) join() {
	byLabel := map[string][]*Workload{}
	byName := c.workloadsByName()
	for _, w := range c.Workloads {
		for k, v := range w.PodLabels {
			at := w.Namespace + "/" + k + "=" + v
			byLabel[at] = append(byLabel[at], w)
		}
	}
	services := map[string][]*Service{}
	for _, s := range c.Services {
		at := s.Namespace + "/" + s.Name
		services[at] = append(services[at], s)
		s.Workloads = near(s.Object, selected(byLabel, s.Namespace, s.Selector))
		for _, w := range s.Workloads {
			w.Services = append(w.Services, s)
		}
	}
	for _, b := range c.Budgets {
		b.Workloads = near(b.Object, selected(byLabel, b.Namespace, b.Selector))
		for _, w := range b.Workloads {
			w.Budgets = append(w.Budgets, b)
		}
	}
	for _, s := range c.Scalers {
		kind := s.TargetKind
		if kind == "" {
			kind = "Deployment" // KEDA's default
		}
		for _, w := range near(s.Object, byName[s.Namespace+"/"+kind+"/"+s.TargetName]) {
			s.Workload, w.Scaler = w, s
		}
	}
	c.joinRoutes(services)
	c.callers()
}

func (c *Cluster) joinRoutes(services map[string][]*Service) {
	for _, i := range c.Ingresses {
		i.Services, i.Workloads = behind(services, i.Object, i.Backends)
		for _, w := range i.Workloads {
			w.Ingresses = append(w.Ingresses, i)
		}
	}
	for _, r := range c.Routes {
		for i := range r.Rules {
			rule := &r.Rules[i]
			rule.Services, rule.Workloads = behind(services, r.Object, rule.Backends)
			for _, w := range rule.Workloads {
				if !slices.Contains(w.Routes, r) {
					w.Routes = append(w.Routes, r)
				}
			}
		}
	}
}

// behind are the named Services that o means, and their workloads, each once.
func behind(services map[string][]*Service, o *Object, names []string) (used []*Service, all []*Workload) {
	for _, name := range names {
		for _, s := range near(o, services[o.Namespace+"/"+name]) {
			if slices.Contains(used, s) {
				continue
			}
			used = append(used, s)
			s.Fronted = true
			for _, w := range s.Workloads {
				if !slices.Contains(all, w) {
					all = append(all, w)
				}
			}
		}
	}
	return used, all
}

// near are the objects that o can mean: of those with the same kind and name
// the one in the folder nearest to o, since environments are often kept in
// folders of their own; and what one program made, as Kustomize does, belongs
// to what it made beside it only.
func near[T interface{ self() *Object }](o *Object, all []T) []T {
	best := map[string]int{}
	var chosen []T
	for _, c := range all {
		p := c.self()
		n := o.nearness(p)
		name := p.Kind + "/" + p.Name
		least, again := best[name]
		if n < 0 || again && n <= least {
			continue
		}
		best[name] = n
		if again {
			chosen = slices.DeleteFunc(chosen, func(d T) bool { return d.self().Kind+"/"+d.self().Name == name })
		}
		chosen = append(chosen, c)
	}
	return chosen
}

func (o *Object) self() *Object { return o }

// nearness is how much of their files' folders two objects share, in bytes, and
// one more if they share the file; -1 if they never meet.
func (o *Object) nearness(p *Object) int {
	a, b := o.Root.Doc.File, p.Root.Doc.File
	if a.Derived != b.Derived {
		return -1
	}
	if a == b {
		return len(a.Name) + 1
	}
	shared := 0
	for i := 0; i < len(a.Name) && i < len(b.Name) && a.Name[i] == b.Name[i]; i++ {
		if a.Name[i] == '/' {
			shared = i + 1
		}
	}
	return shared
}

// selected are the workloads whose pods have all labels of a selector; an empty
// one selects nothing.
func selected(byLabel map[string][]*Workload, namespace string, selector map[string]string) (all []*Workload) {
	var few []*Workload
	first := true
	for k, v := range selector {
		if l := byLabel[namespace+"/"+k+"="+v]; first || len(l) < len(few) {
			few, first = l, false
		}
	}
	for _, w := range few {
		if matches(selector, w.PodLabels) {
			all = append(all, w)
		}
	}
	return all
}

func matches(selector, labels map[string]string) bool {
	for k, v := range selector {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// routing is an immutable snapshot of the groups and of the paths that lead to
// them. A reload publishes another one; a request keeps the group it found.
type routing struct {
	groups []*group // in the options' order
	routes []route  // the longest first
}

type route struct {
	prefix string // without a / at its end; "" is everything
	group  *group
}

func newRouting(groups []*group) *routing {
	r := &routing{groups: groups}
	for _, grp := range groups {
		for _, path := range grp.Routes {
			r.routes = append(r.routes, route{routePrefix(path), grp})
		}
	}
	slices.SortStableFunc(r.routes, func(a, b route) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return r
}

// routePrefix is what a request's path has to begin with, in whole segments.
func routePrefix(path string) string { return strings.TrimRight(path, "/") }

// checkGroups reports everything that is wrong with the groups and between
// them. The options have their defaults.
func checkGroups(groups []GroupOptions) error {
	if len(groups) == 0 {
		return errors.New("no group")
	}
	var errs []error
	names, owners := map[string]bool{}, map[string]string{}
	for _, o := range groups {
		if err := o.validate(); err != nil {
			errs = append(errs, err)
			continue
		}
		if names[o.Name] {
			errs = append(errs, fmt.Errorf("group %q is there twice", o.Name))
			continue
		}
		names[o.Name] = true
		for _, path := range o.Routes {
			if other, ok := owners[routePrefix(path)]; ok {
				errs = append(errs, fmt.Errorf("route %q leads to both %q and %q", path, other, o.Name))
			}
			owners[routePrefix(path)] = o.Name
		}
	}
	return errors.Join(errs...)
}

// groups are the present ones, in the options' order.
func (g *Gateway) groups() []*group { return g.routing.Load().groups }

// route returns the group that serves path, by the longest prefix of whole
// segments.
func (g *Gateway) route(path string) *group {
	for _, r := range g.routing.Load().routes {
		if rest, ok := strings.CutPrefix(path, r.prefix); ok && (rest == "" || rest[0] == '/') {
			return r.group
		}
	}
	return nil
}

func (g *Gateway) group(name string) (*group, error) {
	for _, grp := range g.groups() {
		if grp.Name == name {
			return grp, nil
		}
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownGroup, name)
}

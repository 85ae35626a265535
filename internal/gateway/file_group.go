package gateway

import (
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway/discover"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// SourceFile is the source of targets that stand in the configuration file, or
// in a file of their own.
const SourceFile = discover.NameFile

type fileGroup struct {
	Name                string            `yaml:"name,required"`
	Routes              []fileRoute       `yaml:"routes"`
	Targets             []fileTarget      `yaml:"targets"`
	Discover            *fileDiscover     `yaml:"discover"`
	Policy              Policy            `yaml:"policy"`
	SlowStart           time.Duration     `yaml:"slow_start"`
	PanicThreshold      int               `yaml:"panic_threshold"` // percent
	DeregistrationDelay time.Duration     `yaml:"deregistration_delay"`
	OnDraining          target.OnDraining `yaml:"on_draining"`
	StreamsLeave        time.Duration     `yaml:"streams_leave"` // negative asks none
	Affinity            *fileAffinity     `yaml:"affinity"`      // nil: the file's
	Health              fileHealth        `yaml:"health"`
	Retries             struct {
		POST POSTReplay `yaml:"post"`
	} `yaml:"retries"`

	Pos config.Pos `yaml:"-"`
}

// Validate implements config.Validator.
func (g fileGroup) Validate(at config.At) {
	if at.Has("targets") && g.Discover != nil {
		at.Errorf("discover", "found besides targets, allowed: one of the two")
		return
	}
	ids := map[string]config.Pos{}
	for i, t := range g.Targets {
		if first, ok := ids[t.ID]; ok {
			at.ErrorfAt(t.Pos, fmt.Sprintf("targets[%d].id", i), "found %q again, first in line %d, allowed: each once", t.ID, first.Line)
			return
		}
		ids[t.ID] = t.Pos
	}
	if g.PanicThreshold < 0 || g.PanicThreshold > 100 {
		at.Errorf("panic_threshold", "found %s, allowed: 0 to 100 percent", at.Found("panic_threshold", g.PanicThreshold))
	}
	g.Affinity, g.PanicThreshold = nil, 0 // have their own reports
	if err := g.options(fileAffinity{}, 0).withDefaults().validate(); err != nil {
		at.Errorf("name", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// validateNames reports groups with one name.
func (g fileGateway) validateNames(at config.At) {
	first := map[string]config.Pos{}
	for i, grp := range g.Groups {
		if other, ok := first[grp.Name]; ok {
			at.ErrorfAt(grp.Pos, fmt.Sprintf("groups[%d].name", i), "found %q again, first in line %d, allowed: each once", grp.Name, other.Line)
			continue
		}
		first[grp.Name] = grp.Pos
	}
}

// validateRoutes reports paths that lead to two places.
func (g fileGateway) validateRoutes(at config.At) {
	type place struct {
		group string
		line  int
	}
	first := map[string]place{}
	for i, grp := range g.Groups {
		for j, r := range grp.Routes {
			prefix := routePrefix(r.Path)
			if other, ok := first[prefix]; ok {
				at.ErrorfAt(r.Pos, fmt.Sprintf("groups[%d].routes[%d].path", i, j), "found %q, which leads to group %q by line %d already, allowed: each path once", r.Path, other.group, other.line)
				continue
			}
			first[prefix] = place{grp.Name, r.Pos.Line}
		}
	}
}

type fileRoute struct {
	Path string     `yaml:"path,required"`
	Pos  config.Pos `yaml:"-"`
}

// Validate implements config.Validator.
func (r fileRoute) Validate(at config.At) {
	if !validRoute(r.Path) {
		at.Errorf("path", "found %s, allowed: a path that begins with /", at.Found("path", r.Path))
	}
}

type fileTarget struct {
	ID          string     `yaml:"id,required"`
	Address     string     `yaml:"address,required"`
	Weight      int        `yaml:"weight"`
	Incarnation string     `yaml:"incarnation"`
	Pos         config.Pos `yaml:"-"`
}

// Validate implements config.Validator.
func (t fileTarget) Validate(at config.At) {
	if err := validateTarget(t.target()); err != nil {
		at.Errorf("", "%v", err)
	}
}

func (t fileTarget) target() target.Target {
	return target.Target{ID: t.ID, Address: t.Address, Weight: t.Weight, Incarnation: t.Incarnation, Source: SourceFile}
}

type fileHealth struct {
	Path      string        `yaml:"path"`
	Host      string        `yaml:"host"`
	Interval  time.Duration `yaml:"interval"`
	Timeout   time.Duration `yaml:"timeout"`
	Healthy   uint16        `yaml:"healthy"`
	Unhealthy uint16        `yaml:"unhealthy"`
}

// Validate implements config.Validator.
func (h fileHealth) Validate(at config.At) {
	if h.Path != "" && !strings.HasPrefix(h.Path, "/") {
		at.Errorf("path", "found %s, allowed: a path that begins with /", at.Found("path", h.Path))
	}
}

func (g fileGroup) options(a fileAffinity, idle time.Duration) GroupOptions {
	if g.Affinity != nil {
		a = *g.Affinity
	}
	o := GroupOptions{
		Name: g.Name, Policy: g.Policy, SlowStart: g.SlowStart, PanicThreshold: g.PanicThreshold, OnDraining: g.OnDraining, StreamsLeave: g.StreamsLeave, DeregistrationDelay: g.DeregistrationDelay,
		Affinity: a.options(idle),
		Retries:  RetryOptions{POST: g.Retries.POST},
		Health: health.Options{Path: g.Health.Path, Host: g.Health.Host, Interval: g.Health.Interval, Timeout: g.Health.Timeout,
			Healthy: int(g.Health.Healthy), Unhealthy: int(g.Health.Unhealthy)},
	}
	for _, r := range g.Routes {
		o.Routes = append(o.Routes, r.Path)
	}
	for _, t := range g.Targets {
		o.Targets = append(o.Targets, t.target())
	}
	if g.Discover != nil {
		o.Discover = g.Discover.options()
	}
	return o
}

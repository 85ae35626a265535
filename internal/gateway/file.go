package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// SourceFile is the source of targets that stand in the configuration file.
const SourceFile = "file"

// file is evenkeel.yaml. The gateway uses gateway, and of session the idle
// time-out; the others are checked for their form only.
type file struct {
	Version int    `yaml:"version,required"`
	Service string `yaml:"service"`
	Session struct {
		Cookie          string        `yaml:"cookie"`
		IdleTimeout     time.Duration `yaml:"idle_timeout"`
		AbsoluteTimeout time.Duration `yaml:"absolute_timeout"`
		Store           config.Secret `yaml:"store"` // a URL may hold a password
		Prefix          string        `yaml:"prefix"`
	} `yaml:"session"`
	Shutdown struct {
		Withdraw time.Duration `yaml:"withdraw"`
		Requests time.Duration `yaml:"requests"`
		Streams  time.Duration `yaml:"streams"`
		Flush    time.Duration `yaml:"flush"`
		LameDuck bool          `yaml:"lame_duck"`
	} `yaml:"shutdown"`
	Kubernetes struct {
		MinVersion string `yaml:"min_version"`
	} `yaml:"kubernetes"`
	Spot     bool         `yaml:"spot"`
	Affinity fileAffinity `yaml:"affinity"`
	Gateway  struct {
		Listen     string        `yaml:"listen"`
		Admin      string        `yaml:"admin"`
		AdminToken config.Secret `yaml:"admin_token"`
		Groups     []fileGroup   `yaml:"groups,required"`
	} `yaml:"gateway,required"`
}

// Validate implements config.Validator.
func (f file) Validate(at config.At) {
	if f.Version != 1 {
		at.Errorf("version", "found %d, allowed: 1", f.Version)
	}
}

type fileAffinity struct {
	Mode   AffinityMode `yaml:"mode"`
	Cookie string       `yaml:"cookie"`
}

type fileGroup struct {
	Name                string            `yaml:"name,required"`
	Routes              []fileRoute       `yaml:"routes"`
	Targets             []fileTarget      `yaml:"targets"`
	Policy              Policy            `yaml:"policy"`
	DeregistrationDelay time.Duration     `yaml:"deregistration_delay"`
	OnDraining          target.OnDraining `yaml:"on_draining"`
	Affinity            *fileAffinity     `yaml:"affinity"` // nil: the file's
	Health              fileHealth        `yaml:"health"`
	Retries             struct {
		POST POSTReplay `yaml:"post"`
	} `yaml:"retries"`
}

// Validate implements config.Validator.
func (g fileGroup) Validate(at config.At) {
	if err := g.options(fileAffinity{}, 0).withDefaults().validate(); err != nil {
		at.Errorf("name", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

type fileRoute struct {
	Path string `yaml:"path,required"`
}

type fileTarget struct {
	ID          string `yaml:"id,required"`
	Address     string `yaml:"address,required"`
	Weight      int    `yaml:"weight"`
	Incarnation string `yaml:"incarnation"`
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

func (g fileGroup) options(a fileAffinity, idle time.Duration) GroupOptions {
	if g.Affinity != nil {
		a = *g.Affinity
	}
	o := GroupOptions{
		Name: g.Name, Policy: g.Policy, OnDraining: g.OnDraining, DeregistrationDelay: g.DeregistrationDelay,
		Affinity: AffinityOptions{Mode: a.Mode, Cookie: a.Cookie, IdleTimeout: idle},
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
	return o
}

// ReadFile reads the gateway's options from an evenkeel.yaml. Errors name
// file, line, key, what was found and what is allowed.
func ReadFile(path string) (Options, error) {
	var f file
	if err := config.Load(path, &f); err != nil {
		return Options{}, err
	}
	opt := Options{}
	opt.Traffic.Listen = f.Gateway.Listen
	opt.Admin.Listen = or(f.Gateway.Admin, "127.0.0.1:9900")
	opt.Admin.Token = f.Gateway.AdminToken.Reveal()
	for _, g := range f.Gateway.Groups {
		opt.Groups = append(opt.Groups, g.options(f.Affinity, f.Session.IdleTimeout))
	}
	trial := opt
	trial.Log = slog.New(slog.DiscardHandler)
	if _, err := New(trial); err != nil { // what no single key shows: names and routes that clash
		return Options{}, fmt.Errorf("%s: %w", path, err)
	}
	return opt, nil
}

// Reload reads the file again and makes its targets the gateway's. Everything
// else needs a new process: if something else has changed, or the file has an
// error, nothing is changed.
func (g *Gateway) Reload(_ context.Context, path string) (changes []string, err error) {
	opt, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(opt.Groups) != len(g.groups) {
		return nil, fmt.Errorf("%s: %d groups, %d are running: groups cannot change without a restart", path, len(opt.Groups), len(g.groups))
	}
	for i, o := range opt.Groups {
		grp := g.groups[i]
		if err := sameButTargets(grp.GroupOptions, o.withDefaults()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if _, err := g.checkTargets(grp, SourceFile, o.Targets); err != nil {
			return nil, fmt.Errorf("%s: group %q: %w", path, o.Name, err)
		}
	}
	for _, o := range opt.Groups {
		lines, err := g.SetTargets(o.Name, SourceFile, o.Targets)
		changes = append(changes, lines...)
		if err != nil {
			return changes, err
		}
	}
	return changes, nil
}

func sameButTargets(running, wanted GroupOptions) error {
	running.Targets, wanted.Targets = nil, nil
	a, b := reflect.ValueOf(running), reflect.ValueOf(wanted)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			return fmt.Errorf("group %q: %s has changed, only targets can without a restart", running.Name, a.Type().Field(i).Name)
		}
	}
	return nil
}

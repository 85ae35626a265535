package gateway

import (
	"fmt"
	"path/filepath"
	"reflect"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// file is evenkeel.yaml. The gateway uses gateway, affinity, and of session the
// idle timeout; all else is the policy's.
type file struct {
	policy.File `yaml:",inline"`
	Gateway     fileGateway `yaml:"gateway,required"`

	path string   // that it was read from
	seen contents // of the files
}

// Validate implements config.Validator.
func (f file) Validate(at config.At) {
	f.File.Validate(at)
	if at.Has("affinity") {
		fileAffinity{f.Affinity}.Validate(at.In("affinity"))
	}
	if in := at.In("defaults"); in.Has("affinity") {
		fileAffinity{f.Defaults.Affinity}.Validate(in.In("affinity"))
	}
	for i, s := range f.Services {
		for _, w := range (fileAffinity{s.Affinity}).options(0).wrongs() {
			at.ErrorfAt(s.Pos, fmt.Sprintf("services[%d].affinity", i), "%s", w)
		}
	}
}

// fileGateway is what is under gateway. Groups and keys change by a reload; all
// else needs a restart.
type fileGateway struct {
	Listen     string        `yaml:"listen"`
	Admin      string        `yaml:"admin"`
	AdminToken config.Secret `yaml:"admin_token"`
	TLS        []filePair    `yaml:"tls"`
	H2C        bool          `yaml:"h2c"`
	Limits     fileLimits    `yaml:"limits"`
	Trusted    []fileNetwork `yaml:"trusted"`
	Forwarded  bool          `yaml:"forwarded"`
	AccessLog  fileAccess    `yaml:"access_log"`
	Keys       fileKeys      `yaml:"keys"`
	Groups     []fileGroup   `yaml:"groups,required"`

	running *fileGateway // to be reloaded; nil at the start
}

// Validate implements config.Validator: what no single group shows.
func (g fileGateway) Validate(at config.At) {
	if len(g.Groups) == 0 {
		at.Errorf("groups", "found none, allowed: one or more")
	}
	g.validateNames(at)
	g.validateRoutes(at)
	if g.running != nil {
		g.validateRestart(at)
	}
}

// validateRestart reports each key that has another value than the running
// gateway and cannot be changed under it.
func (g fileGateway) validateRestart(at config.At) {
	is, was := reflect.ValueOf(g), reflect.ValueOf(*g.running)
	for i := range is.NumField() {
		key := yamlKey(is.Type().Field(i))
		if key == "" || key == "groups" || key == "keys" || sameValue(is.Field(i), was.Field(i)) {
			continue
		}
		at.Errorf(key, "found a change, allowed in a reload: the value it was started with; this key needs a restart")
	}
}

// fileKeys says where the keys of affinity cookies are.
type fileKeys struct {
	File string     `yaml:"file"`
	Pos  config.Pos `yaml:"-"`
}

// Validate implements config.Validator.
func (k fileKeys) Validate(at config.At) {
	if k.File == "" {
		at.Errorf("file", "is required")
		return
	}
	if _, err := affinity.ReadRing(k.path()); err != nil {
		at.Errorf("file", "%v, allowed: one key or more of at least %d bytes in base64, one per line, the current one first", err, affinity.MinKeyBytes)
	}
}

func (k fileKeys) path() string { return beside(k.Pos, k.File) }

// beside makes a path absolute, or relative to where the configuration is.
func beside(pos config.Pos, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(pos.File), path)
}

// readFile reads path, to be the successor of running.
func readFile(path string, running *fileGateway) (*file, error) {
	f := &file{path: path, seen: contents{config: fingerprintOf(path)}}
	f.Gateway.running = running
	if err := config.Load(path, f); err != nil {
		return nil, err
	}
	f.Gateway.running = nil
	return f, nil
}

// options are what the file says. Nil keys are none of its own.
func (f *file) options() (opt Options, err error) {
	opt.file = f
	opt.Traffic = f.Gateway.traffic()
	opt.Access = f.Gateway.AccessLog.options()
	opt.Admin.Listen = or(f.Gateway.Admin, "127.0.0.1:9900")
	opt.Admin.Token = f.Gateway.AdminToken.Reveal()
	if f.Gateway.Keys.File != "" {
		f.seen.keys = fingerprintOf(f.Gateway.Keys.path())
		if opt.Keys, err = affinity.ReadRing(f.Gateway.Keys.path()); err != nil {
			return Options{}, err
		}
	}
	for _, g := range f.Gateway.Groups {
		service := f.For(g.Name)
		var idle time.Duration
		if d := service.Session.IdleTimeout; d != nil {
			idle = *d
		}
		opt.Groups = append(opt.Groups, g.options(fileAffinity{service.Affinity}, idle))
	}
	return opt, nil
}

// ReadFile reads the gateway's options from an evenkeel.yaml. Errors name
// file, line, key, what was found and what is allowed. A Gateway made with
// these options follows the file, see [Gateway.Reload].
func ReadFile(path string) (Options, error) {
	f, err := readFile(path, nil)
	if err != nil {
		return Options{}, err
	}
	return f.options()
}

package policy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/internal/config"
)

// FileName is the policy's usual name.
const FileName = "evenkeel.yaml"

// File is evenkeel.yaml as it is written: one service, or several with what
// they have in common. A program part that reads gateway embeds it and hides
// that field with its own.
type File struct {
	Version    int              `yaml:"version,required"`
	Service    string           `yaml:"service"`
	Settings   `yaml:",inline"` // of the one service
	Services   []Service        `yaml:"services,from=defaults"`
	Defaults   Settings         `yaml:"defaults"`
	Kubernetes Kubernetes       `yaml:"kubernetes"`
	Spot       bool             `yaml:"spot"`
	Gateway    config.Elsewhere `yaml:"gateway"`

	Pos config.Pos `yaml:"-"`
}

// Load reads the policy at path.
func Load(path string) (*Policy, error) {
	var f File
	if err := config.Load(path, &f); err != nil {
		return nil, err
	}
	return f.policy(path), nil
}

func (f File) policy(path string) *Policy {
	p := &Policy{Path: path, Kubernetes: f.Kubernetes, Spot: f.Spot, Services: f.Services}
	if len(p.Services) == 0 {
		p.Services = []Service{{Name: f.Service, Settings: f.Settings, Pos: f.Pos}}
	}
	return p
}

// For is what the file says of the service called name: with a list of services
// that one's settings, or the defaults if it is not among them; else those of
// the one service.
func (f File) For(name string) Settings {
	if len(f.Services) == 0 {
		return f.Settings
	}
	for _, s := range f.Services {
		if s.Name == name {
			return s.Settings
		}
	}
	return f.Defaults
}

// Find loads the policy in dir or the nearest of its parents; without one it is
// an empty policy, of which nothing is stated.
func Find(dir string) (*Policy, error) {
	path, err := config.FindUp(FileName, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Policy{}, nil
	}
	if err != nil {
		return nil, err
	}
	return Load(Short(path))
}

// Short is path as a person in the working folder writes it.
func Short(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}

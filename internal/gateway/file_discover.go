package gateway

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway/discover"
)

// fileDiscover says where a group's targets are, if not in the file itself.
type fileDiscover struct {
	File string     `yaml:"file"`
	DNS  *fileDNS   `yaml:"dns"`
	Pos  config.Pos `yaml:"-"`
}

// Validate implements config.Validator.
func (d fileDiscover) Validate(at config.At) {
	switch {
	case d.File != "" && d.DNS != nil:
		at.Errorf("", "found file and dns, allowed: one of them")
	case d.File == "" && d.DNS == nil:
		at.Errorf("", "found neither file nor dns, allowed: one of them")
	}
}

// options have an absolute path, or one relative to the process.
func (d fileDiscover) options() discover.Options {
	o := discover.Options{File: beside(d.Pos, d.File)}
	if d.DNS != nil {
		o.DNS = d.DNS.options()
	}
	return o
}

type fileDNS struct {
	Name     string              `yaml:"name,required"`
	Port     int                 `yaml:"port"`
	Type     discover.RecordType `yaml:"type"`
	Interval time.Duration       `yaml:"interval"`
	Resolver string              `yaml:"resolver"`
	Timeout  time.Duration       `yaml:"timeout"`
}

// Validate implements config.Validator.
func (d fileDNS) Validate(at config.At) {
	if err := d.options().Validate(); err != nil {
		at.Errorf("", "%v", err)
	}
}

func (d fileDNS) options() discover.DNS {
	return discover.DNS{Name: d.Name, Port: d.Port, Type: d.Type, Interval: d.Interval, Resolver: d.Resolver, Timeout: d.Timeout}
}

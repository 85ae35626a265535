// Package discover finds the targets of a group outside the gateway: in a file
// that is watched, or in DNS.
//
//	src, err := discover.New(discover.Options{File: "/etc/evenkeel/shop.targets.yaml"}, valid)
//	src.Run(ctx, func(targets []target.Target, err error) {
//		// err: the source is lost, keep what it said last
//	})
//
// Guarantees: a table that is handed over is whole and comes from one reading;
// a source that cannot be read, or makes no sense, gives an error and never an
// empty table. Only a file can say that there is no target, by an empty list.
//
// Not guaranteed: that a change in DNS is seen at once; the resolver's caches
// and the interval stand between. Addresses are not dialled here.
package discover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// Source tells where a group's targets are.
type Source interface {
	// Run calls update with the whole table, or with why it is not known, once
	// at the start and then at each look, whether or not something changed,
	// until ctx ends. Calls do not overlap, and the slice is the receiver's.
	Run(ctx context.Context, update func([]target.Target, error))
	// Name is the source that the targets are registered for: file, dns.
	Name() string
}

// Options say where targets are: one of File and DNS. The zero value is
// nowhere. Options can be compared.
type Options struct {
	File string // path of a list of targets
	DNS  DNS
}

// Enabled reports whether a source is named.
func (o Options) Enabled() bool { return o != Options{} }

// SourceName is that of the Source; empty without one.
func (o Options) SourceName() string {
	switch {
	case o.File != "":
		return NameFile
	case o.DNS.Enabled():
		return NameDNS
	}
	return ""
}

// Names of the sources.
const (
	NameFile = "file"
	NameDNS  = "dns"
)

// Intervals between two looks.
const (
	fileInterval = time.Second
	dnsInterval  = 5 * time.Second
	dnsTimeout   = 5 * time.Second
)

// New returns the source that the options name; valid says why a target cannot
// be one. New reads nothing yet.
func New(o Options, valid func(target.Target) error) (Source, error) {
	switch {
	case o.File != "" && o.DNS.Enabled():
		return nil, errors.New("discover: found file and dns, allowed: one of them")
	case o.File != "":
		return &file{path: o.File, interval: fileInterval, valid: valid}, nil
	case o.DNS.Enabled():
		if err := o.DNS.Validate(); err != nil {
			return nil, fmt.Errorf("discover: dns: %w", err)
		}
		return newDNS(o.DNS, valid), nil
	}
	return nil, errors.New("discover: found neither file nor dns, allowed: one of them")
}

// poll looks at once and then at every interval.
func poll(ctx context.Context, interval time.Duration, look func()) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		look()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

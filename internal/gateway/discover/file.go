package discover

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/target"
)

// file is a list of targets in YAML or JSON. It reads the content at each
// look, so that a rename over it, a link that moved and a write in place are
// all seen; a content counts when two looks in a row found the same, so that a
// write in place which is half done does not.
type file struct {
	path     string
	interval time.Duration
	valid    func(target.Target) error

	seen  content // at the last look
	good  content // that table is from
	table []target.Target
	err   error // of what counted last
}

// content identifies what a file held; the zero value is no file.
type content [sha256.Size]byte

// Name implements Source.
func (f *file) Name() string { return NameFile }

// Run implements Source.
func (f *file) Run(ctx context.Context, update func([]target.Target, error)) {
	first := true
	poll(ctx, f.interval, func() {
		f.look(first)
		first = false
		if f.err != nil {
			update(nil, f.err)
			return
		}
		update(slices.Clone(f.table), nil)
	})
}

// look reads the file and sets table and err. At the first look every content
// counts: there is no table to keep.
func (f *file) look(first bool) {
	data, err := readTargets(f.path)
	if err != nil {
		f.seen, f.err = content{}, err
		return
	}
	is := content(sha256.Sum256(data))
	settled := is == f.seen || first
	f.seen = is
	if is == f.good {
		f.err = nil
	}
	if is == f.good || !settled {
		return
	}
	table, err := parseTargets(f.path, data, f.valid)
	if f.err = err; err == nil {
		f.good, f.table = is, table
	}
}

func readTargets(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	if !info.Mode().IsRegular() { // a pipe would block
		return nil, fmt.Errorf("targets: %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, config.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	return data, nil
}

// fileTarget is one item of the list.
type fileTarget struct {
	ID          string     `yaml:"id,required"`
	Address     string     `yaml:"address,required"`
	Weight      int        `yaml:"weight"`
	Incarnation string     `yaml:"incarnation"`
	Pos         config.Pos `yaml:"-"`
}

func (t fileTarget) target() target.Target {
	return target.Target{ID: t.ID, Address: t.Address, Weight: t.Weight, Incarnation: t.Incarnation, Source: NameFile}
}

// parseTargets reads a list of targets. Errors name file, line, key, what was
// found and what is allowed.
func parseTargets(name string, data []byte, valid func(target.Target) error) ([]target.Target, error) {
	for _, reference := range []string{"${", "file:"} {
		if bytes.Contains(data, []byte(reference)) { // who may write targets need not be allowed to read what those name
			return nil, fmt.Errorf("%s: found %q, allowed: plain values; a list of targets refers to nothing", name, reference)
		}
	}
	var items []fileTarget
	if err := config.Parse(name, data, &items); err != nil {
		return nil, err
	}
	out := make([]target.Target, len(items))
	lines := map[string]int{}
	var errs []error
	for i, item := range items {
		out[i] = item.target()
		if err := valid(out[i]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", item.Pos, err))
			continue
		}
		if first, ok := lines[item.ID]; ok {
			errs = append(errs, fmt.Errorf("%s: id: target %q is there twice, first in line %d", item.Pos, item.ID, first))
			continue
		}
		lines[item.ID] = item.Pos.Line
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

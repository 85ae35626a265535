// Package kustomize adds to files what their kustomizations make of them, with
// the places of the files that say the same.
//
//	files, notes := kustomize.Build(ctx, files, reader)
//
// Guarantees: nothing is fetched, no program is run and nothing is written; a
// kustomization that needs it, or takes too long, is a note, and its resources are
// read as they are; one that another one uses is built with that one only.
//
// Not guaranteed: a place for every value: one that no file says has that of the
// kustomization.
package kustomize

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Bounds of Kustomize.
const (
	maxBuild       = 10 * time.Second // one build
	maxKustomizing = 60 * time.Second // all of a run
	maxOverlays    = 2000
)

// kustomizationNames are those that Kustomize knows.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// Reader is how the files are read that kustomizations name: package source reads
// files, and calls this one.
type Reader struct {
	// Open reads the file at a path; nil if it cannot be read.
	Open func(path string) *tree.File
	// Parse reads a text in YAML or JSON of the file called name; nil if it cannot
	// be read.
	Parse func(name string, data []byte) *tree.File
}

// Build builds the kustomizations among files that no other one uses, and
// adds what they make as files of their own. What went into them is marked: it
// is not whole, or would be found twice. Places in what was made are those of
// the file that says the same, or else of the kustomization.
//
// Nothing is fetched and no program is run: a kustomization that needs either
// is a note, and its resources are read as they are.
func Build(ctx context.Context, files []*tree.File, reader Reader) (all []*tree.File, notes []tree.Note) {
	named := func(f *tree.File) bool { return slices.Contains(kustomizationNames, path.Base(f.Name)) }
	if !slices.ContainsFunc(files, named) {
		return files, nil
	}
	k := &kustomizer{reader: reader, byPath: map[string]*tree.File{}, byDir: map[string]*kustomization{}, failed: map[*kustomization]bool{}}
	for _, f := range files {
		k.byPath[realPath(f.Name)] = f
	}
	var found []*kustomization
	for _, f := range files {
		if named(f) && len(found) < maxOverlays {
			if one := k.at(filepath.Dir(filepath.FromSlash(f.Name))); one != nil && !slices.Contains(found, one) {
				found = append(found, one)
			}
		}
	}
	if len(found) == 0 {
		return files, nil
	}
	k.data = make(map[string][]byte, len(k.byPath))
	for name, f := range k.byPath {
		if f != nil {
			k.data[name] = f.Data
		}
	}
	ctx, cancel := context.WithTimeout(ctx, maxKustomizing)
	defer cancel()
	k.buildAll(ctx, found)
	for _, one := range found {
		k.patches(one)
	}
	return append(append(files, k.read...), k.made...), k.notes
}

// kustomizer is one run over all kustomizations.
type kustomizer struct {
	reader Reader
	byPath map[string]*tree.File // by real path
	data   map[string][]byte     // of these, for Kustomize: what would be mended is not on the disk yet
	byDir  map[string]*kustomization
	failed map[*kustomization]bool
	read   []*tree.File // that the user did not name, but kustomizations use
	made   []*tree.File
	notes  []tree.Note
}

// kustomization is one folder with a kustomization file.
type kustomization struct {
	dir     string // as the user's path leads to it
	file    *tree.File
	root    *tree.Node
	uses    []*kustomization // resources, bases and components
	objects []*tree.File     // resources that are files
	changes []*tree.File     // patches that are files
	inline  []*tree.Node     // patches that stand in the file itself
	problem *tree.Note       // why it is not built; nil: it can be
}

// name is what findings call it.
func (o *kustomization) name() string { return o.file.Name }

// component reports whether it is only ever a part of others.
func (o *kustomization) component() bool { return o.root.Get("kind").Text() == "Component" }

// closure is o and all that it uses, o first.
func (o *kustomization) closure() (all []*kustomization) {
	var add func(*kustomization)
	add = func(c *kustomization) {
		if slices.Contains(all, c) {
			return
		}
		all = append(all, c)
		for _, u := range c.uses {
			add(u)
		}
	}
	add(o)
	return all
}

// buildAll builds what nothing else uses. What uses something and cannot be
// built does not count, so that its bases are built by themselves.
func (k *kustomizer) buildAll(ctx context.Context, found []*kustomization) {
	done := map[*kustomization]bool{}
	for again := true; again; {
		again = false
		used := map[*kustomization]bool{}
		for _, o := range found {
			if !k.failed[o] {
				for _, u := range o.uses {
					used[u] = used[u] || u != o
				}
			}
		}
		for _, o := range found {
			if done[o] || used[o] || o.component() {
				continue
			}
			done[o], again = true, true
			if note := k.build(ctx, o); note != nil {
				k.fail(o, *note)
			}
		}
	}
	for _, o := range found { // of circles nothing is ever unused
		if !done[o] && o.problem != nil {
			k.fail(o, *o.problem)
		}
	}
}

// fail says once why o is not built; two may have one reason.
func (k *kustomizer) fail(o *kustomization, note tree.Note) {
	k.failed[o] = true
	if !slices.Contains(k.notes, note) {
		k.notes = append(k.notes, note)
	}
}

// build adds what o makes, and marks what went into it.
func (k *kustomizer) build(ctx context.Context, o *kustomization) *tree.Note {
	all := o.closure()
	for _, c := range all {
		if c.problem != nil {
			return c.problem
		}
	}
	made, err := run(ctx, o.dir, k.data)
	if err != nil {
		return &tree.Note{File: o.name(), Message: "not built: " + short(err)}
	}
	f := &tree.File{Name: o.name() + " (built)", Format: tree.YAML, Derived: o.name(), Data: made.data}
	if err := yaml.Parse(f); err != nil || len(f.Docs) != len(made.origins) {
		return &tree.Note{File: o.name(), Message: fmt.Sprintf("not built: what it makes cannot be read: %v", err)}
	}
	for i, d := range f.Docs {
		k.place(o, all, d.Root, made.origins[i])
	}
	k.made = append(k.made, f)
	for _, c := range all {
		for _, r := range c.objects {
			r.Part = true
		}
	}
	return nil
}

// patches marks the patches of o, which are no whole objects whether it was
// built or not.
func (k *kustomizer) patches(o *kustomization) {
	for _, c := range o.closure() {
		for _, f := range c.changes {
			f.Part = true
		}
	}
}

// Rebuild is files with what is made of them made again, after some of them
// have changed.
func Rebuild(files []*tree.File, reader Reader) []*tree.File {
	if !slices.ContainsFunc(files, func(f *tree.File) bool { return f.Derived != "" }) {
		return files
	}
	var sources []*tree.File
	for _, f := range files {
		if f.Derived == "" {
			f.Part = false // kustomize says it again
			sources = append(sources, f)
		}
	}
	files, _ = Build(context.Background(), sources, reader)
	return files
}

// short is the first line of an error of Kustomize's, which can be long.
func short(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return text
}

// realPath is a path without links, for comparison.
func realPath(name string) string {
	name = filepath.FromSlash(name)
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

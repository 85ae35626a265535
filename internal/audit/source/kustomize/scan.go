package kustomize

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// at reads the kustomization of a folder and what it uses; nil if there is
// none. A file that is there and cannot be read is a note already.
func (k *kustomizer) at(dir string) *kustomization {
	real := realPath(dir)
	if o, ok := k.byDir[real]; ok {
		return o
	}
	k.byDir[real] = nil
	for _, name := range kustomizationNames {
		f := k.file(filepath.Join(dir, name))
		if f == nil || len(f.Docs) == 0 || f.Docs[0].Root.Kind != tree.Map {
			continue
		}
		o := &kustomization{dir: dir, file: f, root: f.Docs[0].Root}
		if api := o.root.Get("apiVersion").Text(); api != "" && !strings.HasPrefix(api, "kustomize.config.k8s.io/") {
			continue // an object of Flux, in a file of that name
		}
		k.byDir[real] = o
		k.scan(o)
		return o
	}
	return nil
}

// file is a file by its path, read if it was not yet; nil if there is none, or
// none that can be read.
func (k *kustomizer) file(name string) *tree.File {
	real := realPath(name)
	if f, ok := k.byPath[real]; ok {
		return f
	}
	k.byPath[real] = nil
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f := k.reader.Open(name)
	if f != nil {
		f.Foreign = true
		k.byPath[real], k.read = f, append(k.read, f)
	}
	return f
}

// scan finds what o uses, and what stands against building it.
func (k *kustomizer) scan(o *kustomization) {
	for _, key := range []string{"helmCharts", "helmChartInflationGenerator", "generators", "transformers", "validators"} {
		if n := o.root.Get(key); n.Exists() && len(n.Items) > 0 {
			o.refuse(n, key+" runs programs")
		}
	}
	for _, n := range o.paths() {
		if remote(n.Value) {
			o.refuse(n, fmt.Sprintf("%.100s is fetched", n.Value))
		}
	}
	for _, key := range []string{"resources", "bases", "components"} {
		for _, n := range o.root.Get(key).List() {
			k.use(o, n)
		}
	}
	for _, key := range []string{"patches", "patchesJson6902"} {
		for _, n := range o.root.Get(key).List() {
			k.change(o, n.Get("path"), n.Get("patch"))
		}
	}
	for _, n := range o.root.Get("patchesStrategicMerge").List() {
		if strings.Contains(n.Value, "\n") {
			k.change(o, nil, n)
		} else {
			k.change(o, n, nil)
		}
	}
}

// refuse says why o is not built; the first reason counts.
func (o *kustomization) refuse(n *tree.Node, why string) {
	if o.problem == nil {
		o.problem = &tree.Note{File: o.name(), Line: n.Pos().Line, Message: "not built, its files are read as they are: " + why}
	}
}

// use adds a resource: a file, or a folder with a kustomization.
func (k *kustomizer) use(o *kustomization, n *tree.Node) {
	if n.Text() == "" || remote(n.Value) {
		return
	}
	name := filepath.Join(o.dir, filepath.FromSlash(n.Value))
	info, err := os.Stat(name)
	if err != nil {
		o.refuse(n, fmt.Sprintf("%.100s is not there", n.Value))
		return
	}
	if !info.IsDir() {
		if f := k.file(name); f != nil {
			o.objects = append(o.objects, f)
		}
		return
	}
	u := k.at(name)
	switch {
	case u == nil:
		o.refuse(n, fmt.Sprintf("%.100s has no kustomization that can be read", n.Value))
	case slices.Contains(u.closure(), o):
		o.refuse(n, fmt.Sprintf("%.100s leads back to it", n.Value))
	default:
		o.uses = append(o.uses, u)
	}
}

// change adds a patch, a file or a text.
func (k *kustomizer) change(o *kustomization, file, text *tree.Node) {
	if file.Text() != "" && !remote(file.Value) {
		if f := k.file(filepath.Join(o.dir, filepath.FromSlash(file.Value))); f != nil {
			o.changes = append(o.changes, f)
		}
	}
	if text.Text() != "" {
		o.inline = append(o.inline, text)
	}
}

// paths are all values that Kustomize would load something from.
func (o *kustomization) paths() (all []*tree.Node) {
	for _, key := range []string{"resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge"} {
		all = append(all, o.root.Get(key).List()...)
	}
	for _, key := range []string{"patches", "patchesJson6902", "replacements"} {
		for _, n := range o.root.Get(key).List() {
			all = append(all, n.Get("path"))
		}
	}
	for _, key := range []string{"configMapGenerator", "secretGenerator"} {
		for _, n := range o.root.Get(key).List() {
			all = append(all, n.Get("env"))
			all = append(all, n.Get("envs").List()...)
			all = append(all, n.Get("files").List()...)
		}
	}
	all = append(all, o.root.Get("openapi", "path"))
	return slices.DeleteFunc(all, func(n *tree.Node) bool { return n.Text() == "" || strings.Contains(n.Value, "\n") })
}

// fetched is what Kustomize takes for an address: a scheme, user@host:path,
// GitHub without either.
var fetched = regexp.MustCompile(`(?i)^(git::|[a-z][a-z0-9+.-]*:|[a-z][a-z0-9-]*@|github\.com[/:])`)

// remote reports whether Kustomize might fetch what a path names. Of NAME=PATH
// both count.
func remote(path string) bool {
	_, value, _ := strings.Cut(path, "=")
	return fetched.MatchString(path) || strings.Contains(path, "://") || fetched.MatchString(value)
}

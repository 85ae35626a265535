package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// object is a Kubernetes object in a file.
type object struct {
	file       string // below the case's folder
	line       int    // where it begins
	kind, name string
}

// testCase is one run of a rule's archive: hit* or near*.
type testCase struct {
	rule, name string
	dir        string
	objects    []object
	faults     []object // of a hit: where the finding is wanted
}

func (c testCase) hit() bool { return strings.HasPrefix(c.name, "hit") }

// files are those with Kubernetes objects.
func (c testCase) files() (all []string) {
	for _, o := range c.objects {
		if path := filepath.Join(c.dir, filepath.FromSlash(o.file)); !slices.Contains(all, path) {
			all = append(all, path)
		}
	}
	return all
}

// unpack writes the runs hit* and near* of every archive below dir, and returns
// those about Kubernetes objects: of a hit, those with a wanted finding in one;
// of near misses, those of a rule with such a hit.
func unpack(archives, dir string) ([]testCase, error) {
	paths, err := filepath.Glob(filepath.Join(archives, "*.txtar"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("%s has no archives", archives)
	}
	var all []testCase
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			return nil, err
		}
		cases, err := unpackOne(a, strings.TrimSuffix(filepath.Base(path), ".txtar"), dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if slices.ContainsFunc(cases, func(c testCase) bool { return len(c.faults) > 0 }) {
			all = append(all, cases...)
		}
	}
	return all, nil
}

func unpackOne(a *txtar.Archive, rule, dir string) ([]testCase, error) {
	byName := map[string]*testCase{}
	var names []string
	for _, f := range a.Files {
		name, file, _ := strings.Cut(f.Name, "/")
		if !strings.HasPrefix(name, "hit") && !strings.HasPrefix(name, "near") {
			continue
		}
		c := byName[name]
		if c == nil {
			c = &testCase{rule: rule, name: name, dir: filepath.Join(dir, rule, name)}
			byName[name], names = c, append(names, name)
		}
		to := filepath.Join(c.dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(to, f.Data, 0o644); err != nil {
			return nil, err
		}
		c.objects = append(c.objects, objects(file, f.Data)...)
	}
	for _, f := range a.Files {
		name, file, _ := strings.Cut(f.Name, "/")
		if c := byName[name]; c != nil && c.hit() {
			c.want(file, f.Data)
		}
	}
	var all []testCase
	for _, name := range names {
		if c := byName[name]; len(c.objects) > 0 && (!c.hit() || len(c.faults) > 0) {
			all = append(all, *c)
		}
	}
	return all, nil
}

var (
	wantComment = regexp.MustCompile(`(?:#|//) want (EK-[A-Z0-9]+-\d+) `)
	wantLine    = regexp.MustCompile(`^(\S+):(\d+) (EK-[A-Z0-9]+-\d+) `)
)

// want adds the faults that a file's comments name.
func (c *testCase) want(file string, data []byte) {
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		at, on, m := file, line, wantComment.FindStringSubmatch(text)
		if file == "want" {
			if m = wantLine.FindStringSubmatch(text); m == nil {
				continue
			}
			at, m = m[1], m[2:]
			on, _ = strconv.Atoi(m[0])
		}
		if m == nil || m[1] != c.rule {
			continue
		}
		if o, ok := c.at(at, on); ok && !slices.Contains(c.faults, o) {
			c.faults = append(c.faults, o)
		}
	}
}

// at is the object that a line of a file belongs to.
func (c *testCase) at(file string, line int) (found object, ok bool) {
	for _, o := range c.objects {
		if o.file == file && o.line <= line && (!ok || o.line > found.line) {
			found, ok = o, true
		}
	}
	return found, ok
}

// objects are the Kubernetes objects of a file, those of lists too. A file that
// is none of Kubernetes has none.
func objects(file string, data []byte) (all []object) {
	if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file)) {
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil
			}
			break
		}
		if len(doc.Content) > 0 {
			all = append(all, objectsOf(file, doc.Content[0])...)
		}
	}
	slices.SortFunc(all, func(a, b object) int { return cmp.Compare(a.line, b.line) })
	return all
}

func objectsOf(file string, n *yaml.Node) (all []object) {
	var o struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Items      []yaml.Node
	}
	if err := n.Decode(&o); err != nil || o.APIVersion == "" || o.Kind == "" || o.Kind == "Kustomization" {
		return nil
	}
	if o.Metadata.Name != "" {
		return []object{{file: file, line: n.Line, kind: o.Kind, name: o.Metadata.Name}}
	}
	for i := range o.Items {
		all = append(all, objectsOf(file, &o.Items[i])...)
	}
	return all
}

package kustomize

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// built is what a kustomization makes.
type built struct {
	data    []byte   // YAML, a document for each object
	origins []string // of each: the file it comes from, below the folder; empty if it was generated
}

// building lets one build run at a time: Kustomize keeps its schema in a
// package variable.
var building = make(chan struct{}, 1)

// run builds a folder. A build that takes too long is left behind: it
// ends at its next look at a file, and until then no other begins.
func run(ctx context.Context, dir string, data map[string][]byte) (*built, error) {
	ctx, cancel := context.WithTimeout(ctx, maxBuild)
	type result struct {
		built *built
		err   error
	}
	late := fmt.Errorf("it takes more than %v", maxBuild)
	select {
	case building <- struct{}{}:
	case <-ctx.Done():
		cancel()
		return nil, late
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-building }()
		b, err := buildFolder(ctx, dir, data)
		done <- result{b, err}
	}()
	defer cancel()
	select {
	case r := <-done:
		return r.built, r.err
	case <-ctx.Done():
		return nil, late
	}
}

func buildFolder(ctx context.Context, dir string, data map[string][]byte) (b *built, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("kustomize: %v", r)
		}
	}()
	dir = realPath(dir) // of a relative path github.com/shop/deploy Kustomize would think that it is to be fetched
	disk := &readOnly{FileSystem: filesys.MakeFsOnDisk(), ctx: ctx, root: dir, data: data}
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, dir)
	if err != nil {
		return nil, cmp.Or(disk.problem, err)
	}
	b = &built{}
	for _, r := range made.Resources() {
		origin, err := r.GetOrigin()
		if err != nil {
			return nil, err
		}
		from := ""
		if origin != nil && origin.Repo == "" && origin.ConfiguredIn == "" {
			from = origin.Path
		}
		b.origins = append(b.origins, from)
	}
	if err := made.RemoveOriginAnnotations(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, r := range made.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			return nil, err
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	if out.Len() > tree.MaxFileBytes {
		return nil, fmt.Errorf("it makes more than %d MiB", tree.MaxFileBytes>>20)
	}
	b.data = out.Bytes()
	return b, nil
}

// readOnly is the disk as Kustomize may see it: nothing is written, files are
// bounded, and it ends with the context, which is that of the one build.
type readOnly struct {
	filesys.FileSystem
	ctx  context.Context
	root string            // the real path of the folder that is built
	data map[string][]byte // files that were read, by real path: not to be changed

	problem error // why a kustomization file was refused, which Kustomize keeps to itself
}

var errReadOnly = errors.New("kustomizations may not write")

func (r *readOnly) Create(string) (filesys.File, error)   { return nil, errReadOnly }
func (r *readOnly) Mkdir(string) error                    { return errReadOnly }
func (r *readOnly) MkdirAll(string) error                 { return errReadOnly }
func (r *readOnly) RemoveAll(string) error                { return errReadOnly }
func (r *readOnly) WriteFile(string, []byte) error        { return errReadOnly }
func (r *readOnly) Open(string) (filesys.File, error)     { return nil, errReadOnly }
func (r *readOnly) Walk(string, filepath.WalkFunc) error  { return errReadOnly }
func (r *readOnly) Glob(pattern string) ([]string, error) { return nil, fs.ErrPermission }

// ReadFile implements filesys.FileSystem.
func (r *readOnly) ReadFile(name string) ([]byte, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	data, err := r.read(name)
	if err != nil || !slices.Contains(kustomizationNames, filepath.Base(name)) {
		return data, err
	}
	data, err = r.modern(data, filepath.Dir(name))
	if err != nil && r.problem == nil {
		r.problem = err
	}
	return data, err
}

func (r *readOnly) read(name string) ([]byte, error) {
	if data, ok := r.data[realPath(name)]; ok {
		return data, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > tree.MaxFileBytes {
		return nil, fmt.Errorf("%s: more than %d MiB", name, tree.MaxFileBytes>>20)
	}
	return r.FileSystem.ReadFile(name)
}

// modern is a kustomization file without the names that Kustomize would warn of
// on standard error; the one that is built asks for the origin of each object.
// It is an error if anything is to be fetched or run: Kustomize does not tell
// the case of names apart, so that it can see more than the scan did.
func (r *readOnly) modern(data []byte, dir string) ([]byte, error) {
	var k types.Kustomization
	if err := k.Unmarshal(data); err != nil {
		return nil, err
	}
	k.FixKustomization()
	if err := k.FixKustomizationPreMarshalling(folder{r, dir}); err != nil {
		return nil, err
	}
	if err := onlyFiles(&k); err != nil {
		return nil, err
	}
	k.BuildMetadata = nil
	if realPath(dir) == r.root {
		k.BuildMetadata = []string{types.OriginAnnotations}
	}
	return json.Marshal(k)
}

// onlyFiles refuses what is fetched, and what runs programs.
func onlyFiles(k *types.Kustomization) error {
	if len(k.HelmCharts)+len(k.Generators)+len(k.Transformers)+len(k.Validators) > 0 {
		return errors.New("it runs programs")
	}
	paths := slices.Concat(k.Resources, k.Components, k.Crds, k.Configurations, []string{k.OpenAPI["path"]})
	for _, p := range k.Patches {
		paths = append(paths, p.Path)
	}
	for _, p := range k.Replacements {
		paths = append(paths, p.Path)
	}
	for _, g := range k.ConfigMapGenerator {
		paths = slices.Concat(paths, g.FileSources, g.EnvSources)
	}
	for _, g := range k.SecretGenerator {
		paths = slices.Concat(paths, g.FileSources, g.EnvSources)
	}
	for _, p := range paths {
		if remote(p) {
			return fmt.Errorf("%.100s is fetched", p)
		}
	}
	return nil
}

// folder has the files of one folder by their names in it.
type folder struct {
	*readOnly
	dir string
}

// ReadFile implements filesys.FileSystem.
func (f folder) ReadFile(name string) ([]byte, error) { return f.read(filepath.Join(f.dir, name)) }

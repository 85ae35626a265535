package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/source/hcl"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// passed are folders that hold other people's files, or none to check.
var passed = []string{"node_modules", "vendor", "target", "bower_components"}

// walk finds files. Symbolic links to folders are followed once.
type walk struct {
	found []candidate
	notes []tree.Note
	seen  map[string]bool // what was found, by its real path
}

// path adds what the user named.
func (w *walk) path(path string) error {
	if path == "-" {
		w.found = append(w.found, candidate{path: "-", format: tree.YAML, asked: true})
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return w.folder(path)
	}
	format, ok := FormatOf(path)
	if !ok {
		format = tree.YAML
	}
	w.file(path, format, true)
	return nil
}

func (w *walk) file(path string, format tree.Format, asked bool) {
	if !w.first(path) {
		return
	}
	if len(w.found) == MaxFiles {
		w.note(path, fmt.Errorf("more than %d files: the rest was not read", MaxFiles))
	}
	if len(w.found) < MaxFiles {
		w.found = append(w.found, candidate{path, format, asked})
	}
}

// first reports whether path was not met before under any name.
func (w *walk) first(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		w.note(path, err)
		return false
	}
	if real, err = filepath.Abs(real); err != nil || w.seen[real] {
		return false
	}
	w.seen[real] = true
	return true
}

func (w *walk) note(path string, err error) {
	w.notes = append(w.notes, tree.Note{File: filepath.ToSlash(path), Message: plain(err), Failed: true})
}

func (w *walk) folder(path string) error {
	if !w.first(path) {
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		w.note(path, err)
		return nil
	}
	for _, e := range entries {
		w.entry(filepath.Join(path, e.Name()), e)
	}
	return nil
}

func (w *walk) entry(path string, e fs.DirEntry) {
	mode := e.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := os.Stat(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				w.note(path, err)
			}
			return
		}
		mode = info.Mode().Type()
	}
	switch {
	case mode.IsDir():
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(passed, e.Name()) {
			_ = w.folder(path) // its errors are notes
		}
	case mode.IsRegular():
		if format, ok := FormatOf(path); ok {
			w.file(path, format, false)
		}
	}
}

// FormatOf is the format that a file's name says.
func FormatOf(path string) (tree.Format, bool) {
	name := filepath.Base(path)
	switch name {
	case "pom.xml", "build.gradle", "build.gradle.kts":
		return tree.Libraries, true
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case "":
		if name == "Kustomization" {
			return tree.YAML, true
		}
	case ".yaml", ".yml":
		return tree.YAML, true
	case ".json":
		return tree.JSON, true
	case ".tf":
		return tree.HCL, true
	case ".tfvars":
		return tree.HCL, hcl.AutoVariables(name)
	case ".properties":
		return tree.Properties, strings.HasPrefix(name, "application") || strings.HasPrefix(name, "bootstrap")
	case ".service":
		return tree.Unit, true
	case ".conf":
		return tree.Unit, strings.HasSuffix(filepath.Dir(path), ".service.d")
	case ".dockerfile":
		return tree.Dockerfile, true
	}
	return tree.Dockerfile, name == "Dockerfile" || name == "Containerfile" || strings.HasPrefix(name, "Dockerfile.") && !strings.HasSuffix(name, ".dockerignore")
}

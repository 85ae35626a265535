// Package source reads the files that say how instances stop, and keeps where
// every value stands: it finds them, knows their languages by their names, and
// has a parser for each.
//
//	files, notes, err := source.Read(ctx, []string{"deploy"}, os.Stdin)
//	for _, d := range files[0].Docs {
//		grace := d.Root.Get("spec", "template", "spec", "terminationGracePeriodSeconds")
//		fmt.Println(grace.Pos(), grace.Text())
//	}
//
// The parsers are the packages below: yaml, hcl, java, dockerfile; units of
// systemd are read here. Package cloudformation puts values into templates,
// package kustomize adds what kustomizations make.
//
// Guarantees: every format gives the same tree of nodes; a file that cannot be
// read gives a note with its line, and the others are read all the same; sizes,
// depth and aliases are bounded; the order does not depend on timing.
//
// Not guaranteed: what the values mean, which is package model's; that a file
// that was read has anything to do with instances.
package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/audit/source/cloudformation"
	"github.com/evenkeel/evenkeel/internal/audit/source/dockerfile"
	"github.com/evenkeel/evenkeel/internal/audit/source/hcl"
	"github.com/evenkeel/evenkeel/internal/audit/source/java"
	"github.com/evenkeel/evenkeel/internal/audit/source/kustomize"
	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Bounds of what is read, beside those of package tree.
const (
	MaxFiles     = 200_000
	MaxLineBytes = 1 << 20
)

// Read reads the files at paths, folders with all below them, and stdin for
// the path "-". Files come in the order of the paths and, of a folder, of their
// names, each once.
//
// What cannot be read is a note. The error is that of the context, or of a path
// that is not there.
func Read(ctx context.Context, paths []string, stdin io.Reader) ([]*tree.File, []tree.Note, error) {
	w := &walk{seen: map[string]bool{}}
	for _, path := range paths {
		if err := w.path(path); err != nil {
			return nil, nil, err
		}
	}
	files, notes := parseAll(ctx, w.found, stdin)
	hcl.Link(files)
	files, more := kustomize.Build(ctx, files, reader)
	notes = append(append(notes, w.notes...), more...)
	tree.SortNotes(notes)
	return files, notes, ctx.Err()
}

// reader is how kustomizations read what they name.
var reader = kustomize.Reader{
	Open: func(path string) *tree.File {
		format, ok := FormatOf(path)
		if !ok {
			format = tree.YAML
		}
		f, _ := load(candidate{path: path, format: format}, nil)
		return f
	},
	Parse: func(name string, data []byte) *tree.File {
		f, _ := Parse(name, tree.YAML, data)
		return f
	},
}

// candidate is a file that may be read.
type candidate struct {
	path   string
	format tree.Format
	asked  bool // named by the user: passing it over is worth a note
}

// parseAll parses on all processors, and keeps the order.
func parseAll(ctx context.Context, found []candidate, stdin io.Reader) (files []*tree.File, notes []tree.Note) {
	type result struct {
		file  *tree.File
		notes []tree.Note
	}
	results := make([]result, len(found))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				results[i].file, results[i].notes = load(found[i], stdin)
			}
		})
	}
	for i := range found {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	for _, r := range results {
		if r.file != nil {
			files = append(files, r.file)
		}
		notes = append(notes, r.notes...)
	}
	return files, notes
}

// load reads one file.
func load(c candidate, stdin io.Reader) (*tree.File, []tree.Note) {
	fail := func(line int, err error) []tree.Note {
		return []tree.Note{{File: filepath.ToSlash(c.path), Line: line, Message: plain(err), Failed: true}}
	}
	data, err := contents(c, stdin)
	if err != nil {
		return nil, fail(0, err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		if c.asked {
			return nil, fail(0, errors.New("the file is empty"))
		}
		return nil, nil
	}
	if len(data) > largeBytes {
		large.Lock()
		defer large.Unlock()
	}
	f, notes := Parse(filepath.ToSlash(c.path), c.format, data)
	return f, notes
}

// Large files are parsed one at a time: each may need 100 MiB meanwhile.
const largeBytes = 256 << 10

var large sync.Mutex

// plain is an error without the name of the file, which its note has.
func plain(err error) string {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Op + ": " + path.Err.Error()
	}
	return err.Error()
}

func contents(c candidate, stdin io.Reader) ([]byte, error) {
	in := stdin
	if c.path != "-" {
		f, err := os.Open(c.path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	if in == nil {
		return nil, errors.New("there is no standard input")
	}
	data, err := io.ReadAll(io.LimitReader(in, tree.MaxFileBytes+1))
	if err == nil && len(data) > tree.MaxFileBytes {
		err = fmt.Errorf("more than %d MiB", tree.MaxFileBytes>>20)
	}
	return data, err
}

// Parse reads data, the contents of the file called name. The file has the
// documents before an error; it is nil if there are none.
func Parse(name string, format tree.Format, data []byte) (*tree.File, []tree.Note) {
	if format == tree.YAML && looksJSON(data) {
		format = tree.JSON
	}
	f := &tree.File{Name: name, Format: format, Data: data}
	err := readable(f)
	if err == nil {
		err = parsers[format](f)
	}
	cloudformation.Resolve(f)
	if err == nil {
		return f, nil
	}
	note := tree.Note{File: name, Message: err.Error(), Failed: len(f.Docs) == 0}
	if at, ok := errors.AsType[*tree.LineError](err); ok {
		note.Line = at.Line
	}
	if line := templateLine(data); line > 0 && (format == tree.YAML || format == tree.JSON) {
		note.Line, note.Message = line, "a template; check what it renders: helm template … | evenkeel check -"
	}
	if note.Failed {
		return nil, []tree.Note{note}
	}
	return f, []tree.Note{note}
}

var parsers = map[tree.Format]func(*tree.File) error{
	tree.YAML: yaml.Parse, tree.JSON: yaml.ParseJSON, tree.HCL: hcl.Parse, tree.Properties: java.ParseProperties, tree.Dockerfile: dockerfile.Parse, tree.Unit: parseUnit, tree.Libraries: java.ParseLibraries,
}

// readable refuses what no parser should see.
func readable(f *tree.File) error {
	f.Data = bytes.TrimPrefix(f.Data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(f.Data) || bytes.IndexByte(f.Data, 0) >= 0 {
		return errors.New("not text in UTF-8")
	}
	for line, rest := 1, f.Data; len(rest) > 0; line++ {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest) - 1
		}
		if end > MaxLineBytes {
			return tree.ErrorAt(line, fmt.Errorf("a line of more than %d MiB", MaxLineBytes>>20))
		}
		rest = rest[end+1:]
	}
	return nil
}

// templateLine is the first line with an action of a text template, 0 if there
// is none.
func templateLine(data []byte) int {
	i := bytes.Index(data, []byte("{{"))
	if i < 0 || !bytes.Contains(data[i:], []byte("}}")) {
		return 0
	}
	return 1 + strings.Count(string(data[:i]), "\n")
}

// looksJSON tells JSON from YAML, of which it is nearly a part: tabs are not.
func looksJSON(data []byte) bool {
	data = bytes.TrimSpace(data)
	return len(data) > 0 && (data[0] == '{' || data[0] == '[') && json.Valid(data)
}

// Package source reads the files that say how instances stop, and keeps where
// every value stands: YAML and JSON, HCL, Java properties, Dockerfiles, and what
// Kustomize makes of them.
//
//	files, notes := source.Read(ctx, []string{"deploy"}, os.Stdin)
//	for _, d := range files[0].Docs {
//		grace := d.Root.Get("spec", "template", "spec", "terminationGracePeriodSeconds")
//		fmt.Println(grace.Pos(), grace.Text())
//	}
//
// Guarantees: every format gives the same tree of nodes; a file that cannot be
// read gives a note with its line, and the others are read all the same; sizes,
// depth and aliases are bounded; the order does not depend on timing.
//
// Not guaranteed: what the values mean, which is package model's; that a file
// that was read has anything to do with instances.
package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Bounds of what is read.
const (
	MaxFileBytes = 4 << 20
	MaxFiles     = 200_000
	MaxLineBytes = 1 << 20
	maxDepth     = 200
	maxNodes     = 250_000 // of a file, aliases followed
	maxDocs      = 20_000  // of a file
)

// Format is the language of a file.
type Format uint8

const (
	YAML Format = iota + 1
	JSON
	HCL
	Properties
	Dockerfile
	Unit      // of systemd
	Libraries // of a Java program: what its build file names
)

var formats = [...]string{YAML: "YAML", JSON: "JSON", HCL: "HCL", Properties: "properties", Dockerfile: "Dockerfile", Unit: "unit", Libraries: "build file"}

// String is the name of the format.
func (f Format) String() string {
	if int(f) < len(formats) && formats[f] != "" {
		return formats[f]
	}
	return fmt.Sprintf("format %d", uint8(f))
}

// File is one file that was read.
type File struct {
	Name   string // as the user wrote it or the walk found it, with slashes; "-" is standard input
	Format Format
	Data   []byte // not to be changed
	Docs   []*Doc

	// Derived is set for what a program made of other files, as Kustomize does:
	// the places are those of what it made, and nothing can be mended in it.
	Derived string
	// Part is set for what a derived file was made of: it is read there, and
	// here for its places and comments only.
	Part bool

	foreign bool // read only because a kustomization uses it: nothing is mended in it

	hcl *hclsyntax.Body // of HCL

	counted sync.Once // of starts
	starts  []int     // the first byte of each line
}

// Doc is one document of a file.
type Doc struct {
	File *File
	Root *Node
}

// Line returns line n, from 1, without its end.
func (f *File) Line(n int) string {
	starts := f.lines()
	if n < 1 || n > len(starts) {
		return ""
	}
	end := len(f.Data)
	if n < len(starts) {
		end = starts[n]
	}
	return strings.TrimRight(string(f.Data[starts[n-1]:end]), "\r\n")
}

// lines returns the first byte of each line.
func (f *File) lines() []int {
	f.counted.Do(func() {
		f.starts = []int{0}
		for i, b := range f.Data {
			if b == '\n' && i+1 < len(f.Data) {
				f.starts = append(f.starts, i+1)
			}
		}
	})
	return f.starts
}

// Note is something about a file that no rule says: it could not be read, or a
// part of it was passed over.
type Note struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	// Failed is set when nothing of the file was read.
	Failed bool `json:"-"`
}

// SortNotes puts notes in the order of files and lines.
func SortNotes(notes []Note) {
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
}

// Package tree has the nodes that every file becomes, whatever language it is
// in: values, their names, and where both stand in the file.
//
//	grace := doc.Root.Get("spec", "terminationGracePeriodSeconds")
//	fmt.Println(grace.Pos(), grace.Text())
//
// Guarantees: a value that is not there is a nil node, which may be asked like
// any other; lines and columns count from 1, columns in characters; the nodes of
// a file that has been read are safe for concurrent use.
//
// Not guaranteed: that a value is one piece of text in its file; what values
// mean, which is package model's.
//
// Parsers are the packages below source. They fill the fields of a Node and give
// it to its parent with Add or Adopt, take places from File.Place or a Ruler, say
// the line of an error with ErrorAt, and keep the bounds of this package.
package tree

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// Bounds of one file, which its parser keeps.
const (
	MaxFileBytes = 4 << 20
	MaxDepth     = 200     // of nodes below one another
	MaxNodes     = 250_000 // aliases followed
	MaxDocs      = 20_000
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

	// Foreign is set for a file that was read only because a kustomization uses
	// it: nothing is mended in it.
	Foreign bool
	// Syntax is what the parser keeps of the file, for when it is read together
	// with others; nobody else looks at it.
	Syntax any

	counted sync.Once // of starts
	starts  []int     // the first byte of each line
}

// Doc is one document of a file.
type Doc struct {
	File *File
	Root *Node
}

// Roots are the documents' roots, in their order.
func (f *File) Roots() (all []*Node) {
	for _, d := range f.Docs {
		all = append(all, d.Root)
	}
	return all
}

// Line returns line n, from 1, without its end.
func (f *File) Line(n int) string {
	starts := f.Starts()
	if n < 1 || n > len(starts) {
		return ""
	}
	end := len(f.Data)
	if n < len(starts) {
		end = starts[n]
	}
	return strings.TrimRight(string(f.Data[starts[n-1]:end]), "\r\n")
}

// Starts returns the first byte of each line, the first line first: there is
// always one. It is not to be changed.
func (f *File) Starts() []int {
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

// Place is line and column, from 1 and in characters, of a byte of f.
func (f *File) Place(at int) (line, column int) {
	starts := f.Starts()
	line = lineOf(starts, at)
	return line, 1 + utf8.RuneCount(f.Data[min(starts[line-1], len(f.Data)):min(at, len(f.Data))])
}

// lineOf is the line, from 1, of a byte, where lines begin at starts.
func lineOf(starts []int, at int) int {
	lo, hi := 0, len(starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; starts[mid] <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1
}

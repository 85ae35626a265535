// Package image is what Dockerfiles build, and what is known of images by their
// names: shells, stores, signals.
//
// Guarantees: what neither a file nor a name tells is empty, never a guess.
package image

import (
	"path"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Image is what a Dockerfile builds: its last stage, with what the stages say
// that it begins from.
type Image struct {
	Node    *tree.Node // the last FROM
	Base    string     // the image that all begins from; empty: not known
	Stop    value.Value[string]
	Exposed bool // it names ports

	Entrypoint, Command *Start // nil: the base's
	Shell               string // that runs what is in shell form, by its name; empty: not known
}

// Start is an ENTRYPOINT or a CMD.
type Start struct {
	Node   *tree.Node
	Words  []string // of the exec form
	Script string   // of the shell form
}

// Program is the name of the program that is started; empty if a script is.
func (s *Start) Program() string {
	if s == nil || len(s.Words) == 0 {
		return ""
	}
	return path.Base(s.Words[0])
}

// Read finds what Dockerfiles build.
func Read(files []*tree.File) (all []*Image) {
	for _, f := range files {
		if f.Format != tree.Dockerfile {
			continue
		}
		for _, d := range f.Docs {
			if stages := d.Root.Blocks("FROM"); len(stages) > 0 {
				all = append(all, newImage(stages))
			}
		}
	}
	return all
}

// newImage reads the last of the stages, and before it those it begins from.
func newImage(stages []*tree.Node) *Image {
	i := &Image{Node: stages[len(stages)-1]}
	chain := []*tree.Node{i.Node}
	for at := len(stages) - 1; ; {
		base := chain[len(chain)-1].Get("image")
		at = stageCalled(stages[:at], base.Text())
		if at < 0 {
			i.Base = base.Text()
			break
		}
		chain = append(chain, stages[at])
	}
	i.Shell = Shell(i.Base)
	for _, stage := range slices.Backward(chain) {
		for _, c := range stage.Fields() {
			i.instruction(c)
		}
	}
	return i
}

// stageCalled is the last stage of that name, -1 if there is none.
func stageCalled(stages []*tree.Node, name string) int {
	for i, stage := range slices.Backward(stages) {
		if as := stage.Get("as"); as != nil && strings.EqualFold(as.Text(), name) {
			return i
		}
	}
	return -1
}

func (i *Image) instruction(n *tree.Node) {
	switch n.Key {
	case "STOPSIGNAL":
		i.Stop = value.Text(n, value.Value[string]{Name: "STOPSIGNAL"})
		i.Stop.V = Signal(i.Stop.V)
	case "EXPOSE":
		i.Exposed = true
	case "SHELL":
		i.Shell = newStart(n).Program()
	case "ENTRYPOINT":
		i.Entrypoint, i.Command = newStart(n), nil // the CMD before it counts no more
	case "CMD":
		i.Command = newStart(n)
	}
}

func newStart(n *tree.Node) *Start {
	s := &Start{Node: n, Script: n.Text()}
	for _, c := range n.List() {
		s.Words = append(s.Words, c.Value)
	}
	return s
}

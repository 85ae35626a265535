package tree

import (
	"fmt"
	"strings"
)

// Kind is what a node is.
type Kind uint8

const (
	Null   Kind = iota // written without a value
	Scalar             // one value
	Map                // named children, in the order of the file
	List               // children without names
)

// Pos is a place in a file, line and column from 1, columns in characters.
// The zero value is no place.
type Pos struct {
	File         string
	Line, Column int
}

// String is FILE:LINE:COLUMN.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Ref is a reference to another resource: aws_lb.shop.arn in the folder Scope of
// Terraform's, a logical name in the file Scope of CloudFormation's.
type Ref struct{ Scope, Path string }

// MaxRefs bounds the references of one node.
const MaxRefs = 16

// Node is one value of a file, whatever language the file is in. A nil node is
// a value that is not there: all its methods may be called.
//
// Nodes are immutable once a file has been read, and safe for concurrent use.
type Node struct {
	Kind    Kind
	Key     string // its name in a Map
	Value   string // of a Scalar, without quotes
	Quoted  bool   // a Scalar that its file says is text: "30"
	Unknown bool   // an expression that the file alone does not decide: ${var.x}, {{ .Values.x }}
	Tag     string // YAML's own tags: !Ref
	Labels  []string
	Refs    []Ref // what an undecided value is made of, in the order of the file
	Items   []*Node
	Parent  *Node
	Doc     *Doc

	Line, Column       int // of the value
	KeyLine, KeyColumn int // of its name; 0 in a list
	Start, End         int // bytes of the value in the file; End 0: not one piece of text
	KeyStart           int // first byte of its name; Start where it has none

	Written *Node // of a derived file: the node of another file that says the same; nil: none does
}

// Get follows names downwards: n.Get("spec", "template"). It is nil where one
// is missing.
func (n *Node) Get(path ...string) *Node {
	for _, key := range path {
		n = n.child(key)
	}
	return n
}

func (n *Node) child(key string) *Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	for _, c := range n.Items {
		if c.Key == key {
			return c
		}
	}
	return nil
}

// List returns the items of a list, and of anything else nothing.
func (n *Node) List() []*Node {
	if n == nil || n.Kind != List {
		return nil
	}
	return n.Items
}

// Fields returns the named children of a map, and of anything else nothing.
func (n *Node) Fields() []*Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	return n.Items
}

// Blocks returns the children of that name: in HCL a name may be used often.
func (n *Node) Blocks(key string) (all []*Node) {
	for _, c := range n.Fields() {
		if c.Key == key {
			all = append(all, c)
		}
	}
	return all
}

// Text is the value of a scalar, empty for anything else and for what is not
// decided.
func (n *Node) Text() string {
	if n == nil || n.Kind != Scalar || n.Unknown {
		return ""
	}
	return n.Value
}

// Pos is where the value stands, or its name if the value is not a scalar.
func (n *Node) Pos() Pos {
	if n == nil {
		return Pos{}
	}
	p := Pos{File: n.Doc.File.Name, Line: n.Line, Column: n.Column}
	if n.KeyLine > 0 && n.Kind != Scalar {
		p.Line, p.Column = n.KeyLine, n.KeyColumn
	}
	return p
}

// Path is the way to n from the top of its document: spec.replicas,
// containers[0].name.
func (n *Node) Path() string {
	if n == nil || n.Parent == nil {
		return ""
	}
	up := n.Parent.Path()
	if n.Parent.Kind == List {
		for i, c := range n.Parent.Items {
			if c == n {
				return fmt.Sprintf("%s[%d]", up, i)
			}
		}
	}
	return strings.TrimPrefix(up+"."+n.Key, ".")
}

// Exists reports whether there is a value that is not null.
func (n *Node) Exists() bool { return n != nil && n.Kind != Null }

// Adopt appends c as a child of n, also if it stands in another file.
func (n *Node) Adopt(c *Node) {
	c.Parent = n
	n.Items = append(n.Items, c)
}

// Add appends c as a child of n, in n's document.
func (n *Node) Add(c *Node) {
	c.Parent, c.Doc = n, n.Doc
	n.Items = append(n.Items, c)
}

// Made reports whether n is part of a derived file, and if so whether its place
// is that of a value in another file that says the same.
func (n *Node) Made() (derived, same bool) {
	if n == nil {
		return false, false
	}
	top := n
	for top.Parent != nil {
		top = top.Parent
	}
	return top.Doc.File.Derived != "", n.Written != nil
}

package tree

import "testing"

func TestNilNodesMayBeAsked(t *testing.T) {
	var n *Node
	if n.Get("a", "b") != nil || n.List() != nil || n.Fields() != nil || n.Blocks("x") != nil || n.Text() != "" || n.Exists() || n.Pos() != (Pos{}) || n.Path() != "" {
		t.Error("a nil node is something")
	}
}

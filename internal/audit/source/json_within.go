package source

// JSONWithin reads the text of the scalar n as JSON. The values all have n's
// place, and cannot be edited. It is nil if n is no such text.
func JSONWithin(n *Node) *Node {
	if n == nil || n.Kind != Scalar || n.Unknown {
		return nil
	}
	inner := &File{Name: n.Doc.File.Name, Format: JSON, Data: []byte(n.Value)}
	if err := parseJSON(inner); err != nil || len(inner.Docs) != 1 {
		return nil
	}
	root := inner.Docs[0].Root
	(&moved{to: n, indent: -1}).node(root)
	root.Parent, root.Key, root.KeyLine, root.KeyColumn = n.Parent, n.Key, n.KeyLine, n.KeyColumn
	return root
}

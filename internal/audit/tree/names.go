package tree

// manyNames is where looking through the names of a map becomes too slow.
const manyNames = 32

// Repeats reports whether n has a child called key; seen is for the names of
// n alone, and filled once there are many.
func (n *Node) Repeats(key string, seen map[string]bool) bool {
	if len(n.Items) < manyNames {
		return n.child(key) != nil
	}
	if len(seen) == 0 {
		for _, c := range n.Items {
			seen[c.Key] = true
		}
	}
	was := seen[key]
	seen[key] = true
	return was
}

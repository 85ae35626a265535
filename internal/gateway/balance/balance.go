// Package balance chooses one of several targets, by position: a policy knows
// weights and loads, never addresses or states.
//
//	var cursor atomic.Uint64 // lives as long as the group
//	p := balance.RoundRobin([]int{5, 1, 1}, &cursor)
//	i, ok := p.Pick(nil)
//
//	ring := balance.NewKeyed(hashes, weights)
//	i, ok = ring.Pick(balance.HashOf(key), nil)
//
// Guarantees: a Picker and a Keyed are immutable and safe for concurrent use;
// they return a position that except did not exclude, if there is one. For one
// key and the same targets a Keyed gives the same answer in every process.
//
// Not guaranteed: that the target still accepts requests when the caller gets
// there; the caller counts itself in and asks again on refusal.
package balance

// Picker is a policy over a fixed list of targets.
type Picker interface {
	// Pick returns the position of a target for which except, when not nil,
	// is false; it asks at most once per target or turn. ok is false if there
	// is none.
	Pick(except func(i int) bool) (i int, ok bool)
}

// positive returns the weights with those below 1 counted as 1.
func positive(weights []int) []int {
	out := make([]int, len(weights))
	for i, w := range weights {
		out[i] = max(w, 1)
	}
	return out
}

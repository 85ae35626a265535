package balance

import "sync/atomic"

type leastOutstanding struct {
	weights []int
	load    func(i int) int
	cursor  *atomic.Uint64
}

// LeastOutstanding chooses the target with the fewest requests in flight per
// weight; equals take turns. It asks load for every target, so a choice costs
// time in proportion to their number.
func LeastOutstanding(weights []int, load func(i int) int, cursor *atomic.Uint64) Picker {
	return &leastOutstanding{weights: positive(weights), load: load, cursor: cursor}
}

func (p *leastOutstanding) Pick(except func(int) bool) (int, bool) {
	n := len(p.weights)
	if n == 0 {
		return 0, false
	}
	start := int((p.cursor.Add(1) - 1) % uint64(n))
	best, bestLoad, ok := 0, 0, false
	for k := range n {
		i := (start + k) % n
		if except != nil && except(i) {
			continue
		}
		// With this request in flight too, so that an idle target of weight 2
		// comes before an idle one of weight 1.
		load := p.load(i) + 1
		if !ok || load*p.weights[best] < bestLoad*p.weights[i] {
			best, bestLoad, ok = i, load, true
		}
	}
	return best, ok
}

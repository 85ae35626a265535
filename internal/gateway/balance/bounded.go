package balance

// NeverOver is how many requests in flight are never too many for a target.
// Below it a key stays where it belongs whatever the others have: the parts of
// one page, or a few streams, are no imbalance.
const NeverOver = 32

// PickBounded is Pick with bounded load: a target that has at least NeverOver
// requests in flight, and with one more would have more than factor times its
// share by weight of all that are in flight, rounded up, is passed over for the
// key's next choice. Keys of targets below the bound do not move. A factor is 1
// or more. load is asked for one target as long as that one is below
// NeverOver, and for all otherwise.
func (p *Keyed) PickBounded(key Hash, load func(i int) int, factor float64, except func(i int) bool) (int, bool) {
	first, ok := p.Pick(key, except)
	if !ok || load(first) < NeverOver {
		return first, ok
	}
	total, weight := 1, 0
	for i := range p.targets {
		if except == nil || !except(i) {
			total += load(i)
			weight += p.weights[i]
		}
	}
	perWeight := factor * float64(total) / float64(weight)
	i, ok := p.Pick(key, func(i int) bool {
		if except != nil && except(i) {
			return true
		}
		n := load(i)
		return n >= NeverOver && float64(n) >= perWeight*float64(p.weights[i])
	})
	if !ok { // only if the loads have changed meanwhile: the shares add up to all
		return first, true
	}
	return i, true
}

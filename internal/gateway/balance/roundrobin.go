package balance

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
)

// maxRing bounds a weighted sequence; beyond it weights are scaled down.
const maxRing = 1 << 14

type roundRobin struct {
	ring   []int32 // positions in the order of their turns
	cursor *atomic.Uint64
}

// RoundRobin gives each target as many turns as its weight says, spread evenly
// over the round. The cursor outlives the Picker, so that a changed list
// goes on where the old one stopped.
func RoundRobin(weights []int, cursor *atomic.Uint64) Picker {
	return &roundRobin{ring: sequence(positive(weights)), cursor: cursor}
}

func (p *roundRobin) Pick(except func(int) bool) (int, bool) {
	n := uint64(len(p.ring))
	if n == 0 {
		return 0, false
	}
	start := p.cursor.Add(1) - 1
	for k := range n {
		i := int(p.ring[(start+k)%n])
		if except == nil || !except(i) {
			return i, true
		}
	}
	return 0, false
}

// sequence orders the turns: turn k of a target of weight w is at
// (k + offset) / w of the round. The golden ratio's multiples as offsets keep
// the turns of light targets apart.
func sequence(weights []int) []int32 {
	reduce(weights)
	if len(weights) > 0 && slices.Max(weights) == 1 {
		ring := make([]int32, len(weights))
		for i := range ring {
			ring[i] = int32(i)
		}
		return ring
	}
	type turn struct {
		at float64
		i  int32
	}
	var turns []turn
	for i, w := range weights {
		_, offset := math.Modf(0.5 + float64(i)*math.Phi)
		for k := range w {
			turns = append(turns, turn{(float64(k) + offset) / float64(w), int32(i)})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	ring := make([]int32, len(turns))
	for k, t := range turns {
		ring[k] = t.i
	}
	return ring
}

// reduce divides the weights by their common divisor, and until the round is
// no longer than maxRing or every weight is 1.
func reduce(weights []int) {
	total, divisor := 0, 0
	for _, w := range weights {
		total += w
		divisor = gcd(divisor, w)
	}
	if divisor > 1 {
		total /= divisor
	}
	shrink := 1
	if total > maxRing {
		shrink = (total + maxRing - 1) / maxRing
	}
	for i, w := range weights {
		weights[i] = max(w/max(divisor, 1)/shrink, 1)
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

package balance

import (
	"math/rand/v2"
	"sort"
)

type powerOfTwo struct {
	weights []int
	ends    []int // of each target's part of the total weight
	load    func(i int) int
}

// PowerOfTwo draws two targets at random, in proportion to their weights, and
// chooses the one with fewer requests in flight per weight; of equals the
// first. It asks load for two targets only, so a choice costs the same for
// many targets as for few; with except, time in proportion to their number.
func PowerOfTwo(weights []int, load func(i int) int) Picker {
	p := &powerOfTwo{weights: positive(weights), load: load}
	total := 0
	for _, w := range p.weights {
		total += w
		p.ends = append(p.ends, total)
	}
	return p
}

func (p *powerOfTwo) Pick(except func(int) bool) (int, bool) {
	if len(p.weights) == 0 {
		return 0, false
	}
	if except != nil {
		return p.pickExcept(except)
	}
	if len(p.weights) == 1 {
		return 0, true
	}
	total := p.ends[len(p.ends)-1]
	a := p.at(rand.IntN(total))
	r := rand.IntN(total - p.weights[a])
	if r >= p.ends[a]-p.weights[a] { // a's part is cut out
		r += p.weights[a]
	}
	return p.better(a, p.at(r)), true
}

// at returns the target whose part of the total weight contains r.
func (p *powerOfTwo) at(r int) int { return sort.SearchInts(p.ends, r+1) }

func (p *powerOfTwo) better(a, b int) int {
	if p.load(b)*p.weights[a] < p.load(a)*p.weights[b] {
		return b
	}
	return a
}

// pickExcept draws the two in one pass: the two highest of random scores that
// grow with the weight are what two draws without replacement would give.
func (p *powerOfTwo) pickExcept(except func(int) bool) (int, bool) {
	a, b := -1, -1
	var scoreA, scoreB float64
	for i, w := range p.weights {
		if except(i) {
			continue
		}
		switch s := score(rand.Uint64()>>11, w); {
		case a < 0 || s > scoreA:
			a, scoreA, b, scoreB = i, s, a, scoreA
		case b < 0 || s > scoreB:
			b, scoreB = i, s
		}
	}
	if b < 0 {
		return max(a, 0), a >= 0
	}
	return p.better(a, b), true
}

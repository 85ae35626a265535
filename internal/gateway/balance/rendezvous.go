package balance

import "math"

// Hash is what [Keyed] knows a key or a target by.
type Hash uint64

// HashOf returns the hash of a string (FNV-1a, 64 bits). It is the same in
// every process, and no secret: who chooses keys can choose their target.
func HashOf[T ~string | ~[]byte](s T) Hash {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return Hash(h)
}

// Keyed chooses by a key (rendezvous hashing: the highest random weight wins):
// everyone who asks with the same key and the same targets gets the same
// answer, each target wins keys in proportion to its weight, a target that
// leaves moves only its own keys, and one that joins takes only those that are
// its own then. A choice costs time in proportion to the number of targets.
type Keyed struct {
	targets []uint64
	weights []int
}

// NewKeyed returns a Keyed over targets by their hashes.
func NewKeyed(targets []Hash, weights []int) *Keyed {
	k := &Keyed{targets: make([]uint64, len(targets)), weights: positive(weights)}
	for i, t := range targets {
		k.targets[i] = mix(uint64(t))
	}
	return k
}

// Pick returns the position that key belongs to, among those for which except,
// when not nil, is false.
func (p *Keyed) Pick(key Hash, except func(i int) bool) (int, bool) {
	best, bestDraw, ok := 0, uint64(0), false
	for i, t := range p.targets {
		draw := mix(uint64(key)^t) >> 11
		if ok && p.weights[i] == p.weights[best] && draw <= bestDraw {
			continue // the common case needs no logarithm, and no question
		}
		if except != nil && except(i) {
			continue
		}
		if !ok || wins(draw, p.weights[i], bestDraw, p.weights[best]) {
			best, bestDraw, ok = i, draw, true
		}
	}
	return best, ok
}

// wins compares two draws of 53 bits. u is uniform in (0, 1); -w/ln(u) makes a
// target of weight w win in proportion to w, and is ordered as u among equals.
func wins(a uint64, wa int, b uint64, wb int) bool {
	if wa == wb {
		return a > b
	}
	return score(a, wa) > score(b, wb)
}

func score(draw uint64, weight int) float64 {
	return -float64(weight) / math.Log((float64(draw)+0.5)/(1<<53))
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

package balance

import (
	"hash/fnv"
	"math"
)

// Hash is what [Rendezvous] knows a key or a target by.
type Hash uint64

// HashOf returns the hash of a string. It is the same in every process.
func HashOf(s string) Hash {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never fails: hash.Hash
	return Hash(h.Sum64())
}

// Rendezvous chooses by a key (highest random weight): everyone who asks with
// the same key and the same targets gets the same answer, and a target that
// leaves moves only its own keys.
func Rendezvous(key Hash, targets []Hash, weights []int, except func(i int) bool) (int, bool) {
	best, bestScore, ok := 0, 0.0, false
	for i, t := range targets {
		if except != nil && except(i) {
			continue
		}
		// u is uniform in (0, 1); -w/ln(u) makes a target of weight w win in
		// proportion to w.
		u := (float64(mix(uint64(key)^mix(uint64(t)))>>11) + 0.5) / (1 << 53)
		score := -float64(max(weights[i], 1)) / math.Log(u)
		if !ok || score > bestScore {
			best, bestScore, ok = i, score, true
		}
	}
	return best, ok
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

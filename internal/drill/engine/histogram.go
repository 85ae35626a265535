package engine

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets of at most 3 % of their value, from
// 1 µs to an hour, and is safe for concurrent use. The zero value is
// empty.
type histogram struct {
	counts [buckets]atomic.Uint64
	n      atomic.Uint64
	most   atomic.Int64
}

// Each power of two is divided into 1<<subBits buckets of equal width.
const (
	subBits = 5
	powers  = 27 // 2^(powers+subBits) µs is more than an hour
	buckets = (powers + 1) << subBits
)

// bucket of a duration in microseconds.
func bucket(us uint64) int {
	if us < 1<<subBits {
		return int(us)
	}
	power := bits.Len64(us) - subBits - 1
	return min(power<<subBits+int(us>>power), buckets-1)
}

// upper is the largest value of a bucket, in microseconds.
func upper(b int) uint64 {
	if b < 1<<subBits {
		return uint64(b)
	}
	power := b>>subBits - 1
	return (uint64(b&(1<<subBits-1))+1<<subBits+1)<<power - 1
}

func (h *histogram) record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d.Microseconds()))].Add(1)
	h.n.Add(1)
	for {
		most := h.most.Load()
		if int64(d) <= most || h.most.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

// quantile is a bound that a share q of the durations does not exceed, at most
// 3 % too large; 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	n := h.n.Load()
	rank := max(uint64(q*float64(n)+0.999999), 1)
	seen := uint64(0)
	for b := range buckets - 1 { // the last one has no upper end
		if seen += h.counts[b].Load(); n > 0 && seen >= rank {
			return min(time.Duration(upper(b))*time.Microsecond+999, time.Duration(h.most.Load()))
		}
	}
	return time.Duration(h.most.Load())
}

// Latency is a distribution of durations. Quantiles are at most 3 % too large.
type Latency struct{ P50, P90, P99, P999, Max time.Duration }

func (h *histogram) latency() Latency {
	return Latency{h.quantile(.5), h.quantile(.9), h.quantile(.99), h.quantile(.999), time.Duration(h.most.Load())}
}

package report

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in buckets of at most 1/8 of their value. What
// takes longer than two minutes is in the last one. It is not safe for
// concurrent use.
type histogram [latencies]uint32

// Each power of two of microseconds is divided into 1<<fine buckets.
const (
	fine      = 3
	powers    = 24 // 2^(powers+fine) µs are 134 s
	latencies = (powers + 1) << fine
)

func (h *histogram) record(d time.Duration) {
	us := uint64(max(d, 0).Microseconds())
	i := int(us)
	if us >= 1<<fine {
		power := bits.Len64(us) - fine - 1
		i = min(power<<fine+int(us>>power), latencies-1)
	}
	h[i]++
}

func (h *histogram) add(o *histogram) {
	for i, n := range o {
		h[i] += n
	}
}

// quantile is the middle of the bucket in which a share q is reached; 0 of an
// empty histogram.
func (h *histogram) quantile(q float64) time.Duration {
	n := uint64(0)
	for _, c := range h {
		n += uint64(c)
	}
	rank, seen := max(uint64(math.Ceil(q*float64(n))), 1), uint64(0)
	for i, c := range h {
		if seen += uint64(c); seen >= rank {
			return middle(i)
		}
	}
	return 0
}

// middle of a bucket.
func middle(i int) time.Duration {
	low, size := uint64(i), uint64(1)
	if i >= 1<<fine {
		power := i>>fine - 1
		low, size = uint64(i&(1<<fine-1)+1<<fine)<<power, 1<<power
	}
	return time.Duration(low)*time.Microsecond + time.Duration(size)*time.Microsecond/2
}

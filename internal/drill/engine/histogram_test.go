package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20000 {
		d := time.Duration(rng.ExpFloat64() * float64(3*time.Millisecond))
		all = append(all, d)
		h.record(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, .5, .9, .99, .999, 1} {
		exact := all[max(int(q*float64(len(all))+0.999999), 1)-1]
		got := h.quantile(q)
		if got < exact || float64(got) > float64(exact)*1.032+2000 {
			t.Errorf("quantile %v: %v, exactly %v", q, got, exact)
		}
	}
	if got := h.latency(); got.Max != all[len(all)-1] || got.P50 > got.P90 || got.P99 > got.P999 {
		t.Errorf("latency %+v", got)
	}
}

func TestHistogramEdges(t *testing.T) {
	var h histogram
	if got := h.latency(); got != (Latency{}) {
		t.Errorf("empty: %+v", got)
	}
	for _, d := range []time.Duration{-1, 0, 1, 31 * time.Microsecond, 32 * time.Microsecond, 63 * time.Microsecond, 64 * time.Microsecond, time.Second, 30 * time.Minute, 10000 * time.Hour} {
		var h histogram
		h.record(d)
		if got, want := h.quantile(.5), max(d, 0); got != want {
			t.Errorf("only %v: median %v", d, got)
		}
	}
	for b := 1; b < buckets; b++ {
		if upper(b) <= upper(b-1) || bucket(upper(b)) != b || bucket(upper(b-1)+1) != b {
			t.Fatalf("bucket %d ends at %d, the one before at %d", b, upper(b), upper(b-1))
		}
	}
}

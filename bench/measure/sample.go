package measure

import (
	"fmt"
	"slices"
	"time"
)

// Sample is what the rounds of one figure gave. The zero value is of no round.
type Sample struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

// Of is the sample of the values, which it leaves as they are. Of an even
// number of them the median is between the middle two.
func Of(values ...float64) Sample {
	n := len(values)
	if n == 0 {
		return Sample{}
	}
	v := slices.Sorted(slices.Values(values))
	return Sample{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1], Rounds: n}
}

// Ratios divides values of the same rounds, a by b, so that what changed
// between rounds cancels out. Rounds that only one of them has are left out,
// and those in which b is zero.
func Ratios(a, b []float64) Sample {
	var q []float64
	for i := range min(len(a), len(b)) {
		if b[i] != 0 {
			q = append(q, a[i]/b[i])
		}
	}
	return Of(q...)
}

// String is the median with the extremes: "4.2 (3.9-4.6)".
func (s Sample) String() string {
	if s.Rounds == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (%s-%s)", Figure(s.Median), Figure(s.Min), Figure(s.Max))
}

// Figure prints a value with three digits, or all of those before the point.
func Figure(v float64) string {
	switch a := max(v, -v); {
	case a == 0:
		return "0"
	case a < 10:
		return fmt.Sprintf("%.2f", v)
	case a < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// Micros is microseconds for each of n; 0 if there were none.
func Micros(d time.Duration, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(d.Nanoseconds()) / 1e3 / float64(n)
}

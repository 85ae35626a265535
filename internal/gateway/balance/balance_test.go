package balance

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func counts(p Picker, n, picks int) []int {
	out := make([]int, n)
	for range picks {
		i, ok := p.Pick(nil)
		if !ok {
			break
		}
		out[i]++
	}
	return out
}

func TestRoundRobinIsExactPerRound(t *testing.T) {
	for _, tc := range []struct{ weights, want []int }{
		{[]int{1, 1, 1}, []int{10, 10, 10}},
		{[]int{5, 1, 1}, []int{50, 10, 10}},
		{[]int{0, -3, 2}, []int{10, 10, 20}},
		{[]int{20, 40}, []int{10, 20}}, // reduced by the common divisor
		{[]int{7}, []int{10}},
		{nil, []int{}},
	} {
		var cursor atomic.Uint64
		total := 0
		for _, w := range tc.want {
			total += w
		}
		if got := counts(RoundRobin(tc.weights, &cursor), len(tc.weights), total); !slices.Equal(got, tc.want) {
			t.Errorf("%v: got %v, want %v", tc.weights, got, tc.want)
		}
	}
}

// No target waits much longer for its turn than its share says.
func TestRoundRobinIsSmooth(t *testing.T) {
	weights := []int{10, 5, 3, 1, 1}
	ring := sequence(slices.Clone(weights))
	for i, w := range weights {
		gap, last := 0, -1
		for k := range 2 * len(ring) {
			if int(ring[k%len(ring)]) == i {
				if last >= 0 {
					gap = max(gap, k-last)
				}
				last = k
			}
		}
		if most := len(ring)/w + len(weights); gap > most {
			t.Errorf("target %d of weight %d waits %d turns of %d, want at most %d", i, w, gap, len(ring), most)
		}
	}
}

func TestRoundRobinRingIsBounded(t *testing.T) {
	weights := make([]int, 1000)
	for i := range weights {
		weights[i] = 1 + i%256
	}
	ring := sequence(weights)
	if len(ring) > maxRing+1000 {
		t.Errorf("%d turns", len(ring))
	}
	seen := map[int32]bool{}
	for _, i := range ring {
		seen[i] = true
	}
	if len(seen) != 1000 {
		t.Errorf("only %d targets have a turn", len(seen))
	}
}

func TestRoundRobinConcurrent(t *testing.T) {
	var cursor atomic.Uint64
	p := RoundRobin([]int{1, 1, 1, 1}, &cursor)
	var got [4]atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				i, _ := p.Pick(nil)
				got[i].Add(1)
			}
		})
	}
	wg.Wait()
	for i := range got {
		if got[i].Load() != 1000 {
			t.Errorf("target %d: %d turns, want 1000", i, got[i].Load())
		}
	}
}

// every is each way to choose, over idle targets.
func every(weights []int) map[string]func(except func(int) bool) (int, bool) {
	keyed, key := NewKeyed(names("t", len(weights)), weights), Hash(0)
	next := func() Hash { key++; return HashOf(fmt.Sprint(key)) }
	rr, lo := RoundRobin(weights, new(atomic.Uint64)), LeastOutstanding(weights, idle, new(atomic.Uint64))
	whole := func(int) float64 { return 1 }
	return map[string]func(func(int) bool) (int, bool){
		"round robin":       rr.Pick,
		"least outstanding": lo.Pick,
		"power of two":      PowerOfTwo(weights, idle).Pick,
		"keyed":             func(e func(int) bool) (int, bool) { return keyed.Pick(next(), e) },
		"keyed, bounded":    func(e func(int) bool) (int, bool) { return keyed.PickBounded(next(), idle, 1.25, e) },
		"warm":              Warming(rr, whole).Pick,
		"all warming":       Warming(PowerOfTwo(weights, idle), func(int) float64 { return 0 }).Pick,
	}
}

// Every policy by weights and by which targets are excluded: the choice is one
// of those left, each of which is chosen, and in proportion to its weight. An
// idle least outstanding knows only the heaviest.
func TestPolicies(t *testing.T) {
	const picks = 6000
	for _, weights := range [][]int{nil, {1}, {1, 1, 1}, {3, 1, 2}, {0, -3, 2}, {10, 10, 10, 30}, {256, 1}} {
		for mask := range 1 << len(weights) {
			except := func(i int) bool { return mask>>i&1 == 1 }
			if mask == 0 {
				except = nil
			}
			total, heaviest, left := 0, 0, 0
			for i, w := range positive(weights) {
				if except == nil || !except(i) {
					total, heaviest, left = total+w, max(heaviest, w), left+1
				}
			}
			for name, pick := range every(weights) {
				got := make([]int, len(weights))
				for range picks {
					i, ok := pick(except)
					if ok != (left > 0) {
						t.Fatalf("%s %v, %b excluded: %v", name, weights, mask, ok)
					}
					if !ok {
						break
					}
					if except != nil && except(i) {
						t.Fatalf("%s %v, %b excluded: chose %d", name, weights, mask, i)
					}
					got[i]++
				}
				if mask != 0 && name != "power of two" && name != "keyed" { // an excluded one's turns go to the next one
					continue
				}
				for i, w := range positive(weights) {
					share := float64(w) / float64(total)
					if except != nil && except(i) {
						share = 0
					}
					if name == "least outstanding" {
						share = map[bool]float64{true: 1}[w == heaviest] / float64(count(positive(weights), heaviest))
					}
					want, slack := picks*share, 6*math.Sqrt(picks*share*(1-share))+1
					if d := float64(got[i]) - want; d < -slack || d > slack {
						t.Errorf("%s %v, %b excluded: chose %v, want %.0f of %d", name, weights, mask, got, want, i)
					}
				}
			}
		}
	}
}

func count(list []int, v int) (n int) {
	for _, x := range list {
		if x == v {
			n++
		}
	}
	return n
}

// The draws in one pass have the distribution of the quick ones, and both
// prefer the one with less in flight per weight.
func TestPowerOfTwo(t *testing.T) {
	loads := []int{9, 2, 4, 0}
	weights := []int{4, 1, 2, 1}
	p := PowerOfTwo(weights, func(i int) int { return loads[i] })
	none := func(int) bool { return false }
	// Two of {a: 9/4, b: 2, c: 2, d: 0}: exact probabilities of the choice.
	pair := func(i, j int) float64 { // the draw is i and j in this order
		return float64(weights[i]) / 8 * float64(weights[j]) / float64(8-weights[i])
	}
	want := make([]float64, 4)
	for i := range 4 {
		for j := range 4 {
			if i == j {
				continue
			}
			best := i
			if loads[j]*weights[i] < loads[i]*weights[j] {
				best = j
			}
			want[best] += pair(i, j)
		}
	}
	const picks = 40000
	for name, except := range map[string]func(int) bool{"quick": nil, "one pass": none} {
		got := make([]int, 4)
		for range picks {
			i, _ := p.Pick(except)
			got[i]++
		}
		for i := range got {
			slack := 6 * math.Sqrt(picks*want[i]*(1-want[i])+1)
			if d := float64(got[i]) - picks*want[i]; d < -slack || d > slack {
				t.Errorf("%s: chose %v, want shares %v", name, got, want)
			}
		}
	}
	// With every choice counted, loads come near the weights.
	loads = make([]int, 4)
	for range 8000 {
		i, _ := p.Pick(nil)
		loads[i]++
	}
	for i, w := range weights {
		if d := loads[i] - 1000*w; d < -20*w || d > 20*w {
			t.Errorf("loads %v, want about %d at %d", loads, 1000*w, i)
		}
	}
}

// A warming target gets its share of its turns, whatever the policy, and the
// others the rest.
func TestWarming(t *testing.T) {
	const picks, n = 20000, 4
	for _, s := range []float64{0.1, 0.5, 0.9, 1} {
		share := func(i int) float64 { return map[bool]float64{true: s, false: 1}[i == 2] }
		for name, p := range map[string]Picker{
			"round robin":       RoundRobin(repeat(1, n), new(atomic.Uint64)),
			"least outstanding": LeastOutstanding(repeat(1, n), idle, new(atomic.Uint64)),
			"power of two":      PowerOfTwo(repeat(1, n), idle),
		} {
			got := counts(Warming(p, share), n, picks)
			want := s / n
			low, high := want-0.02, want+0.02
			if name != "round robin" { // a denied draw is drawn again, so the rest is shared too
				low, high = 0.7*want, want*1.4
			}
			if f := float64(got[2]) / picks; f < low || f > high {
				t.Errorf("%s at %v: chose %v, want about %.3f of %d", name, s, got, want, picks)
			}
		}
	}
	// Under load too: it holds no more than its share of what the others hold.
	for name, policy := range map[string]func(load func(int) int) Picker{
		"least outstanding": func(load func(int) int) Picker { return LeastOutstanding(repeat(1, 20), load, new(atomic.Uint64)) },
		"power of two":      func(load func(int) int) Picker { return PowerOfTwo(repeat(1, 20), load) },
	} {
		loads := repeat(50, 20)
		loads[7] = 0
		share := func(i int) float64 { return map[bool]float64{true: 0.1, false: 1}[i == 7] }
		p := Warming(policy(func(i int) int { return Inflated(loads[i], share(i)) }), share)
		for range 2000 {
			i, _ := p.Pick(nil)
			loads[i]++
		}
		if loads[7] < 5 || loads[7] > 20 {
			t.Errorf("%s: loads %v", name, loads)
		}
	}
}

func TestLeastOutstanding(t *testing.T) {
	var cursor atomic.Uint64
	loads := []int{3, 0, 1}
	p := LeastOutstanding([]int{1, 1, 1}, func(i int) int { return loads[i] }, &cursor)
	for range 5 {
		if i, _ := p.Pick(nil); i != 1 {
			t.Fatalf("chose %d with loads %v", i, loads)
		}
	}
	// With every choice counted, equals share evenly and weights in proportion.
	weights := []int{1, 2, 1}
	loads = make([]int, 3)
	p = LeastOutstanding(weights, func(i int) int { return loads[i] }, &cursor)
	for range 400 {
		i, _ := p.Pick(nil)
		loads[i]++
	}
	if !slices.Equal(loads, []int{100, 200, 100}) {
		t.Errorf("got %v", loads)
	}
	// Idle equals take turns.
	if got := counts(LeastOutstanding([]int{1, 1}, func(int) int { return 0 }, &cursor), 2, 100); !slices.Equal(got, []int{50, 50}) {
		t.Errorf("got %v", got)
	}
}

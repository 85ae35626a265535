package balance

import (
	"fmt"
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

func TestExcept(t *testing.T) {
	var cursor atomic.Uint64
	weights := []int{3, 1, 2}
	hashes := []Hash{HashOf("a"), HashOf("b"), HashOf("c")}
	pickers := map[string]func(func(int) bool) (int, bool){
		"round robin":       RoundRobin(weights, &cursor).Pick,
		"least outstanding": LeastOutstanding(weights, func(int) int { return 0 }, &cursor).Pick,
		"rendezvous":        func(e func(int) bool) (int, bool) { return Rendezvous(HashOf("k"), hashes, weights, e) },
	}
	for name, pick := range pickers {
		for range 20 {
			if i, ok := pick(func(i int) bool { return i != 1 }); !ok || i != 1 {
				t.Errorf("%s: got %d, %v, want the only one left", name, i, ok)
			}
		}
		if _, ok := pick(func(int) bool { return true }); ok {
			t.Errorf("%s: chose an excluded target", name)
		}
	}
	if _, ok := LeastOutstanding(nil, nil, &cursor).Pick(nil); ok {
		t.Error("chose from nothing")
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

func TestRendezvousMovesOnlyTheLeaversKeys(t *testing.T) {
	targets := []Hash{HashOf("a"), HashOf("b"), HashOf("c"), HashOf("d")}
	weights := []int{1, 1, 1, 1}
	share := make([]int, 4)
	for k := range 4000 {
		key := HashOf(fmt.Sprint("binding ", k))
		before, _ := Rendezvous(key, targets, weights, nil)
		after, _ := Rendezvous(key, targets, weights, func(i int) bool { return i == 2 })
		if before != 2 && after != before {
			t.Fatalf("key %d moved from %d to %d although 2 left", k, before, after)
		}
		share[after]++
	}
	for _, i := range []int{0, 1, 3} {
		if share[i] < 1200 || share[i] > 1470 { // a third is 1333; five standard deviations are 150
			t.Errorf("shares %v are uneven", share)
		}
	}
}

func TestRendezvousWeights(t *testing.T) {
	targets := []Hash{HashOf("a"), HashOf("b")}
	share := make([]int, 2)
	for k := range 4000 {
		i, _ := Rendezvous(HashOf(fmt.Sprint(k)), targets, []int{1, 3}, nil)
		share[i]++
	}
	if share[1] < 2860 || share[1] > 3140 {
		t.Errorf("got %v, want about 1000 and 3000", share)
	}
}

package balance

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
)

func names(prefix string, n int) []Hash {
	out := make([]Hash, n)
	for i := range out {
		out[i] = HashOf(fmt.Sprint(prefix, i))
	}
	return out
}

func repeat(w, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = w
	}
	return out
}

func idle(int) int { return 0 }

func TestHashIsFNV(t *testing.T) {
	for _, s := range []string{"", "a", "session 1", "\x00\xff"} {
		h := fnv.New64a()
		h.Write([]byte(s))
		if HashOf(s) != Hash(h.Sum64()) || HashOf([]byte(s)) != HashOf(s) {
			t.Errorf("%q: %x, want %x", s, HashOf(s), h.Sum64())
		}
	}
	key := []byte("key")
	if n := testing.AllocsPerRun(100, func() { HashOf(key) }); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}

// remapped reports how many of the keys that before and after give to
// different targets moved to or from the one that changed, and how many others.
func remapped(keys int, changed int, before, after func(Hash) int) (moved, needless int) {
	for _, key := range names("key ", keys) {
		a, b := before(key), after(key)
		switch {
		case a == b:
		case a == changed || b == changed:
			moved++
		default:
			needless++
		}
	}
	return moved, needless
}

// Adding or removing one of n targets moves its own keys and no other, with
// and without the bound, by weights too. The control is a hash modulo n, which
// must be found to move others.
func TestMinimalRemapping(t *testing.T) {
	const keys = 20000
	quiet := func(i int) int { return i % NeverOver } // nobody is over
	for _, n := range []int{2, 3, 7, 20} {
		for name, weights := range map[string][]int{"equal": repeat(1, n), "unequal": ramp(n)} {
			targets, total := names("target ", n), 0
			for _, w := range weights {
				total += w
			}
			whole, less := NewKeyed(targets, weights), NewKeyed(targets[:n-1], weights[:n-1])
			for kind, pick := range map[string]func(p *Keyed, key Hash, except func(int) bool) int{
				"plain":   func(p *Keyed, key Hash, e func(int) bool) int { i, _ := p.Pick(key, e); return i },
				"bounded": func(p *Keyed, key Hash, e func(int) bool) int { i, _ := p.PickBounded(key, quiet, 1.25, e); return i },
			} {
				with := func(key Hash) int { return pick(whole, key, nil) }
				for way, without := range map[string]func(key Hash) int{
					"removed":  func(key Hash) int { return pick(less, key, nil) },
					"excluded": func(key Hash) int { return pick(whole, key, func(i int) bool { return i == n-1 }) },
				} {
					moved, needless := remapped(keys, n-1, with, without)
					share := float64(keys) * float64(weights[n-1]) / float64(total)
					if needless != 0 || float64(moved) < 0.85*share || float64(moved) > 1.15*share {
						t.Errorf("%d %s, %s, %s: %d keys moved, want about %.0f, and %d between others", n, name, kind, way, moved, share, needless)
					}
				}
			}
		}
	}
	modulo := func(n uint64) func(Hash) int { return func(key Hash) int { return int(uint64(key) % n) } }
	if _, needless := remapped(keys, 6, modulo(7), modulo(6)); needless == 0 {
		t.Error("the control moves nothing needlessly")
	}
}

func ramp(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1 + (n-i)%3 // the last one has 2
	}
	return out
}

// The order of the targets is no matter.
func TestKeyedIgnoresOrder(t *testing.T) {
	targets, weights := names("t", 5), []int{1, 2, 3, 4, 5}
	a := NewKeyed(targets, weights)
	b := NewKeyed([]Hash{targets[3], targets[0], targets[4], targets[1], targets[2]}, []int{4, 1, 5, 2, 3})
	at := []int{3, 0, 4, 1, 2}
	for _, key := range names("k", 2000) {
		i, _ := a.Pick(key, nil)
		if k, _ := b.Pick(key, nil); at[k] != i {
			t.Fatalf("%x: %d, reordered %d", key, i, at[k])
		}
	}
}

func TestBoundedLoad(t *testing.T) {
	const n, factor = 5, 1.25
	targets, weights := names("t", n), []int{1, 1, 1, 1, 2}
	p := NewKeyed(targets, weights)
	loads := make([]int, n)
	load := func(i int) int { return loads[i] }

	// One key that everybody uses: nobody gets more than the bound.
	hot := HashOf("hot")
	first, _ := p.Pick(hot, nil)
	for total := 1; total <= 6000; total++ {
		i, ok := p.PickBounded(hot, load, factor, nil)
		if !ok {
			t.Fatal("nobody")
		}
		if loads[first] < NeverOver && i != first {
			t.Fatalf("left its target at %v", loads)
		}
		loads[i]++
		if most := factor * float64(total) * float64(weights[i]) / 6; loads[i] > NeverOver && float64(loads[i]) >= most+1 {
			t.Fatalf("%d has %d of %d in flight, at most %.1f allowed", i, loads[i], total, most)
		}
	}
	if want := 6000 * factor * float64(weights[first]) / 6; float64(loads[first]) < want-1 {
		t.Errorf("its own target has %d, want %.0f", loads[first], want)
	}

	// While one is over, only its keys go elsewhere, and they come back.
	loads = repeat(40, n)
	loads[2] = 400
	for _, key := range names("k", 3000) {
		own, _ := p.Pick(key, nil)
		second, _ := p.Pick(key, func(i int) bool { return i == 2 })
		if i, _ := p.PickBounded(key, load, factor, nil); i != second || own != 2 && i != own {
			t.Fatalf("key of %d, then of %d, went to %d", own, second, i)
		}
	}
	// A target with little in flight is a place to go, however idle others are.
	second, _ := p.Pick(hot, func(i int) bool { return i == first })
	loads = make([]int, n)
	loads[first], loads[second] = NeverOver+1, NeverOver-1
	if i, _ := p.PickBounded(hot, load, factor, nil); i != second {
		t.Errorf("chose %d of %v, want %d", i, loads, second)
	}
	// There is always a place, with the least factor too.
	for range 2000 {
		for i := range loads {
			loads[i] = NeverOver + rand.IntN(3)
		}
		i, _ := p.PickBounded(HashOf(fmt.Sprint(loads)), load, 1, nil)
		if total := 1 + loads[0] + loads[1] + loads[2] + loads[3] + loads[4]; float64(loads[i]) >= float64(total*weights[i])/6 {
			t.Fatalf("chose %d of %v", i, loads)
		}
	}
	// What is excluded counts neither as load nor as a place to go.
	loads = []int{40, 40, 40, 40, 100000}
	for _, key := range names("k", 500) {
		own, _ := p.Pick(key, func(i int) bool { return i == 4 })
		if i, ok := p.PickBounded(key, load, factor, func(i int) bool { return i == 4 }); !ok || i != own {
			t.Fatalf("went to %d, want %d", i, own)
		}
	}
	if _, ok := p.PickBounded(hot, load, factor, func(int) bool { return true }); ok {
		t.Error("chose an excluded target")
	}
}

func BenchmarkKeyed(b *testing.B) {
	for _, n := range []int{3, 1000} {
		p := NewKeyed(names("t", n), repeat(1, n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				p.PickBounded(12345, idle, 1.25, nil)
			}
		})
	}
}

package near

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
)

// scenarios are small enough that all their orders can be tried, those with the
// most orders last.
var scenarios = []scenario{
	{name: "fill, own commit, foreign write", calls: []kind{fill, commit}, writes: 1},
	{name: "copy, fill, own commit, foreign write", copied: true, calls: []kind{fill, commit}, writes: 1},
	{name: "two fills, foreign write", calls: []kind{fill, fill}, writes: 1},
	{name: "two fills, own commit", calls: []kind{fill, fill, commit}},
	{name: "copy, two own commits", copied: true, calls: []kind{commit, commit}},
	{name: "copy, two own commits, foreign write", copied: true, calls: []kind{commit, commit}, writes: 1},
	{name: "fill, two own commits", calls: []kind{fill, commit, commit}},
	{name: "copy, commit of unknown outcome, fill", copied: true, calls: []kind{lostCommit, fill}},
	{name: "commit of unknown outcome, fill, foreign write", calls: []kind{lostCommit, fill}, writes: 1},
	{name: "copy, commit of unknown outcome, foreign write", copied: true, calls: []kind{lostCommit, commit}, writes: 1},
	{name: "copy, own write over the plain connection, fill", copied: true, calls: []kind{plainWrite, fill}},
	{name: "copy, own write over the plain connection, foreign write", copied: true, calls: []kind{plainWrite}, writes: 2},
	{name: "plain copy, check, foreign write", copied: true, first: plainFill, calls: []kind{check}, writes: 2},
	{name: "plain copy, check, own commit", copied: true, first: plainFill, calls: []kind{check, commit}, writes: 1},
	{name: "copy, touch, foreign write", copied: true, calls: []kind{touch}, writes: 1},
	{name: "plain copy, touch, own commit", copied: true, first: plainFill, calls: []kind{touch, commit}},
	{name: "plain fill, foreign write", cold: true, calls: []kind{plainFill}, writes: 1},
	{name: "plain fill, fill, foreign write", calls: []kind{plainFill, fill}, writes: 1},
	{name: "copy, foreign write, time, ping", copied: true, calls: []kind{ping}, writes: 1, ticks: 3},
	{name: "copy, foreign writes, time, pings", copied: true, calls: []kind{ping, ping}, writes: 1, ticks: 2},
	{name: "copy, cut, foreign write, ping", copied: true, calls: []kind{ping}, writes: 1, ticks: 2, cut: true},
	{name: "fill, cut, foreign write, ping", calls: []kind{fill, ping}, writes: 1, cut: true},
	{name: "copy, own commit, fill, cut", copied: true, calls: []kind{commit, fill}, cut: true},
	{name: "own writes over both connections, fill", calls: []kind{plainWrite, commit, fill}},
	{name: "fill, foreign write, time, ping", calls: []kind{fill, ping}, writes: 1, ticks: 2},
	{name: "copy, own commit, cut, ping", copied: true, calls: []kind{commit, ping}, writes: 1, cut: true},
}

func TestNoOrderOfEventsServesAStaleCopy(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := explore(sc, func(c *Cache) subject { return sound{c} })
				if out.bad != "" {
					t.Fatalf("%s:\n%s", out.bad, strings.Join(out.trace, "\n"))
				}
				if atEnd := 2 * out.runs; sc.cold != (out.hits == atEnd) {
					t.Errorf("%d hits, %d of them at the end of a run: cold is %v", out.hits, atEnd, sc.cold)
				}
				t.Logf("%d orders, %d hits, %d warm", out.runs, out.hits, out.warm)
			})
		})
	}
}

// Longer stories have too many orders to try all.
func TestNoSampledOrderOfLongerStoriesServesAStaleCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out outcome
		random := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			sc := story(random)
			for range 100 {
				if out.run(sc, func(c *Cache) subject { return sound{c} }, random.IntN); out.bad != "" {
					t.Fatalf("%+v: %s:\n%s", sc, out.bad, strings.Join(out.trace, "\n"))
				}
			}
		}
		t.Logf("%d orders, %d hits, %d warm", out.runs, out.hits, out.warm)
	})
}

// story is a scenario of up to five calls.
func story(random *rand.Rand) scenario {
	sc := scenario{copied: random.IntN(3) > 0, writes: random.IntN(3), ticks: random.IntN(3), cut: random.IntN(3) == 0}
	if random.IntN(2) == 0 {
		sc.first = plainFill
	}
	for range 2 + random.IntN(4) {
		sc.calls = append(sc.calls, kind(random.IntN(len(kindNames))))
	}
	return sc
}

// A model that has never found anything is untested.
func TestTheModelFindsPlantedFaults(t *testing.T) {
	for name, plant := range map[string]func(*Cache) subject{
		"nothing poisons a fill":           forgives("all"),
		"own writes poison no fill":        forgives("write"),
		"invalidations poison no fill":     forgives("invalidation"),
		"a lost connection poisons none":   forgives("flush"),
		"write-through of any version":     func(c *Cache) subject { return careless{sound{c}} },
		"a write is kept without a copy":   func(c *Cache) subject { return eager{sound{c}} },
		"the floor is ignored":             func(c *Cache) subject { return floorless{sound{c}} },
		"the lease runs from the answer":   func(c *Cache) subject { return late{sound{c}} },
		"the lease never ends":             func(c *Cache) subject { return endless{sound{c}} },
		"invalidations are ignored":        func(c *Cache) subject { return deaf{sound{c}} },
		"a lost connection is ignored":     func(c *Cache) subject { return loyal{sound{c}} },
		"unknown outcomes are ignored":     func(c *Cache) subject { return hopeful{sound{c}} },
		"plain fills are taken as tracked": func(c *Cache) subject { return gullible{sound{c}} },
	} {
		t.Run(name, func(t *testing.T) { expectFound(t, plant, false) })
	}
	t.Run("scripts do not read what they wrote", func(t *testing.T) {
		expectFound(t, func(c *Cache) subject { return sound{c} }, true)
	})
}

func expectFound(t *testing.T, plant func(*Cache) subject, noTail bool) {
	synctest.Test(t, func(t *testing.T) {
		for _, sc := range scenarios {
			sc.noTail = noTail
			if out := explore(sc, plant); out.bad != "" {
				t.Logf("%s, run %d: %s:\n%s", sc.name, out.runs, out.bad, strings.Join(out.trace, ", "))
				return
			}
		}
		t.Error("no order of any scenario shows the fault")
	})
}

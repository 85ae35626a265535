package check

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// A healthy service, whatever the interleaving, has no violation; and nothing
// that the simulation exercises stays unexercised.
func TestHealthyServiceIsClean(t *testing.T) {
	histories := 0
	exposed := map[ID]int{}
	seeds := uint64(100)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		s, o := simulate(healthy, seed, 20, 2*time.Second)
		histories += 20
		for _, v := range o.Violations {
			t.Errorf("seed %d: %s at %v: %s %+v", seed, describe(v), v.At, v.Detail, v.Witness)
		}
		for _, g := range o.Guarantees {
			exposed[g.ID] += g.Exposed
		}
		if t.Failed() {
			t.Fatalf("seed %d of %d operations", seed, len(s.ops))
		}
	}
	for _, id := range RequiredDemo() {
		if exposed[id] == 0 {
			t.Errorf("%v was never exposed", id)
		}
	}
	t.Logf("%d users' histories, exposures %v", histories, exposed)
}

// A fault is found under the guarantee it breaks, and under no other but those
// that it breaks as well.
func TestFaultsAreNamed(t *testing.T) {
	for _, test := range []struct {
		fault fault
		named []ID // each must be found
		also  []ID // may be found, and why
	}{
		// A counter in a blob is a lost update, too; a blob that is overwritten
		// and overwritten back makes reads go back and forth.
		{fault: blob, named: []ID{G4, G5}, also: []ID{G2, G3}},
		{fault: blobRevives, named: []ID{G4, G5, G9}, also: []ID{G2, G3}},
		{fault: memory, named: []ID{G1}},
		{fault: staleReplica, named: []ID{G3}, also: []ID{G2}},
		// What is saved after the reply can be overtaken: by the settle read and
		// a kill never, here, by tickets always.
		{fault: saveAfterReply, named: []ID{G3, G5}},
		// A failover takes back everything: sessions, writes, tickets, logouts,
		// the new ID of a renewal and with it what the user holds.
		{fault: failover, named: []ID{G1, G4}, also: []ID{G2, G3, G5, G8, G9}},
		// An instance killed between the two leaves nothing behind.
		{fault: deleteThenCreate, named: []ID{G8}, also: []ID{G1}},
		{fault: sameID, named: []ID{G8}},
		{fault: oldIDLives, named: []ID{G8}},
		// The login that presents the cookie finds the old counter.
		{fault: logoutIgnored, named: []ID{G9}, also: []ID{G5}},
		{fault: leak, named: []ID{G6}},
		{fault: doubleApply, named: []ID{G5, G12}},
		{fault: noDrain, named: []ID{G10}},
		// Whatever is unknown may have happened or not: nothing else is wrong.
		{fault: flaky, named: []ID{G10}},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			total := map[ID]int{}
			for seed := range uint64(5) {
				_, o := simulate(test.fault, seed, 20, 2*time.Second)
				for id, n := range badOf(o) {
					total[id] += n
				}
			}
			for _, id := range test.named {
				if total[id] == 0 {
					t.Errorf("%v not found in %v", id, total)
				}
			}
			for _, id := range slices.Sorted(maps.Keys(total)) {
				if !slices.Contains(test.named, id) && !slices.Contains(test.also, id) {
					t.Errorf("%v is blamed: %v", id, total)
				}
			}
			t.Logf("found %v", total)
		})
	}
}

// A simulation is a function of its seed, so that a finding can be looked at
// again.
func TestSimulationIsRepeatable(t *testing.T) {
	a, _ := simulate(memory, 7, 10, time.Second)
	b, _ := simulate(memory, 7, 10, time.Second)
	if len(a.ops) != len(b.ops) || len(a.ops) < 500 {
		t.Fatalf("%d and %d operations", len(a.ops), len(b.ops))
	}
	for i := range a.ops {
		if a.ops[i].Return != b.ops[i].Return || a.ops[i].Kind != b.ops[i].Kind || a.ops[i].Sent != b.ops[i].Sent {
			t.Fatalf("operation %d differs: %+v, %+v", i, a.ops[i], b.ops[i])
		}
	}
}

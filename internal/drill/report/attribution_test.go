package report

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func TestAttribution(t *testing.T) {
	in := func(event int, instance string) check.Violation {
		return check.Violation{Guarantee: check.G1, Event: event, Instance: instance}
	}
	for _, test := range []struct {
		bad  int
		of   []check.Violation
		want string
	}{
		{37, slices.Repeat([]check.Violation{in(1, "shop-2")}, 37), "all 37 lost sessions were of shop-2, in event 1 (scale-in shop-a)"},
		{1, []check.Violation{in(0, "shop-2")}, "the lost session was of shop-2, outside of events"},
		{2, []check.Violation{in(1, "shop-2"), in(1, "shop-2")}, "both lost sessions were of shop-2, in event 1 (scale-in shop-a)"},
		{900, slices.Repeat([]check.Violation{in(1, "shop-2")}, 3), "all 3 lost sessions that were kept of 900 were of shop-2, in event 1 (scale-in shop-a)"},
		{3, []check.Violation{in(1, "shop-a"), in(2, "shop-b"), in(0, "shop-c")}, "the 3 lost sessions were of all instances (shop-a 1, shop-b 1, shop-c 1), 2 in 2 events, 1 outside of events"},
		{2, []check.Violation{in(1, "shop-a"), in(1, "shop-b")}, "the 2 lost sessions were of 2 instances (shop-a 1, shop-b 1), in event 1 (scale-in shop-a)"},
		{1, []check.Violation{in(70, "")}, "the lost session was of no instance that is known, in event 70"},
		{0, nil, ""},
	} {
		r := recorded(cleanRun()) // answered by shop-a, shop-b and shop-c
		r.Outcome.Guarantees[0].Bad, r.Outcome.Violations = test.bad, test.of
		if got := strings.Join(attribution(r), "\n"); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// Hints that exclude one another.
var contradictions = [][]string{
	{"end with it. Keep them outside", "nearly all sessions", "several instances:", "Sessions were lost when nothing", "went back to an older state"},
	{"last writer wins", "in events only"},
	{"had been told to stop", "while instances were killed", "Requests failed when nothing"},
	{"by a cache (", "session state is shared between requests, as", "a cache answers in the service's place"},
}

// The services of which it is known what is wrong with them, and what the hints
// are to say: these and no others.
func TestHintsOfKnownServices(t *testing.T) {
	several := func(n int, id check.ID, event int, instances ...string) (all []check.Violation) {
		for i := range n {
			all = append(all, check.Violation{Guarantee: id, Grade: check.Lost, Event: event, Instance: instances[i%len(instances)], At: at(16)})
		}
		return all
	}
	for name, test := range map[string]struct {
		of    [][]check.Violation
		kills bool
		want  []string
	}{
		"healthy":                    {nil, false, nil},
		"in memory, round robin":     {[][]check.Violation{several(40, check.G1, 0, "a", "b"), several(9, check.G1, 1, "a", "b"), several(3, check.G1, 2, "b")}, false, []string{"balancer sends a user to several"}},
		"in memory, sticky":          {[][]check.Violation{several(40, check.G1, 1, "shop-a"), several(200, check.G1, 2, "a", "b", "c")}, false, []string{"on one instance (shop-a)"}},
		"the store was lost":         {[][]check.Violation{several(195, check.G1, 1, "a", "b", "c")}, false, []string{"the store was lost, or the key"}},
		"blobs":                      {[][]check.Violation{several(71, check.G4, 0, "a"), several(9, check.G4, 1, "a"), several(28, check.G3, 0, "b")}, false, []string{"last writer wins"}},
		"saved after the answer":     {[][]check.Violation{several(71, check.G4, 1, "a")}, false, []string{"in events only"}},
		"replica reads":              {[][]check.Violation{several(30, check.G3, 0, "a"), several(20, check.G2, 0, "a")}, false, []string{"a replica that is behind"}},
		"a cache in each instance":   {[][]check.Violation{several(30, check.G3, 0, "a"), several(5, check.G9, 0, "a")}, false, []string{"Logged-out sessions", "a cache in each instance"}},
		"failover to an older state": {[][]check.Violation{several(30, check.G4, 1, "a", "b"), several(9, check.G1, 1, "a", "b")}, false, []string{"went back to an older state", "in events only"}},
		"renewals":                   {[][]check.Violation{several(9, check.G8, 0, "a")}, false, []string{"Renew in one step"}},
		"leaks":                      {[][]check.Violation{several(9, check.G6, 0, "a")}, false, []string{"Age or X-Cache"}},
		"no drain":                   {[][]check.Violation{several(9, check.G10, 1, "a")}, false, []string{"preStop"}},
		"killed":                     {[][]check.Violation{several(9, check.G10, 3, "a")}, true, []string{"were killed"}},
		"repeated POSTs":             {[][]check.Violation{several(9, check.G12, 0, "a")}, false, []string{"applied twice"}},
		"expiry":                     {[][]check.Violation{several(9, check.G7, 0, "a")}, false, []string{"do not end when they should"}},
		"streams":                    {[][]check.Violation{several(9, check.G11, 1, "a")}, false, []string{"Last-Event-ID"}},
	} {
		r := cleanRun()
		if test.kills {
			r.Outcome.Events[2].Killed = []history.Kill{{Instance: "shop-c", At: at(22)}}
		}
		r.Outcome.Violations = slices.Concat(test.of...)
		hints := Hints(r)
		if len(hints) != len(test.want) {
			t.Errorf("%s: %q", name, hints)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(hints[i], want) {
				t.Errorf("%s: hint %q lacks %q", name, hints[i], want)
			}
		}
	}
}

// Whatever was broken, no two hints contradict one another, each guarantee that
// was broken has one or is explained by another, and nothing has none.
func TestHintsNeverContradict(t *testing.T) {
	fired := map[string]bool{}
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := cleanRun()
		r.Outcome.Events[0].Crossings, r.Outcome.Events[1].Crossings = 2, 100
		r.Outcome.Events[0].Target = ""
		for range rng.IntN(12) {
			v := check.Violation{Guarantee: check.ID(1 + rng.IntN(12)), Grade: check.Lost, Event: rng.IntN(4), At: at(16 + rng.Float64()),
				Instance: []string{"", "shop-a", "shop-b"}[rng.IntN(3)], Unattributed: rng.IntN(9) == 0}
			if rng.IntN(2) == 0 {
				v.Witness = []check.Step{{Note: "x", Redo: &check.Redo{Cache: []string{"", "Age: 3"}[rng.IntN(2)]}}}
			}
			r.Outcome.Violations = append(r.Outcome.Violations, v)
			if v.Unattributed {
				r.Outcome.Guarantees[v.Guarantee-1].Unattributed++
			}
		}
		hints := Hints(r)
		all := strings.Join(hints, "\n")
		for _, group := range contradictions {
			var found []string
			for _, part := range group {
				if strings.Contains(all, part) {
					found = append(found, part)
					fired[part] = true
				}
			}
			if len(found) > 1 {
				t.Fatalf("seed %d: %q", seed, found)
			}
		}
		if (len(hints) == 0) != (len(r.Outcome.Violations) == 0) {
			t.Fatalf("seed %d: hints %q for %d violations", seed, hints, len(r.Outcome.Violations))
		}
	}
	for _, group := range contradictions {
		for _, part := range group {
			if !fired[part] {
				t.Errorf("%q never fired", part)
			}
		}
	}
}

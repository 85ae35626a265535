package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// brokenWords name what was broken, one and several.
var brokenWords = map[check.ID][2]string{
	check.G1: {"lost session", "lost sessions"}, check.G2: {"write that vanished", "writes that vanished"},
	check.G3: {"unseen write", "unseen writes"}, check.G4: {"lost update", "lost updates"},
	check.G5: {"miscount", "miscounts"}, check.G6: {"leaked answer", "leaked answers"},
	check.G7: {"wrong expiry", "wrong expiries"}, check.G8: {"broken renewal", "broken renewals"},
	check.G9: {"undone logout", "undone logouts"}, check.G10: {"failed request", "failed requests"},
	check.G11: {"broken stream", "broken streams"}, check.G12: {"doubled write", "doubled writes"},
}

// share is what one instance or event has of the violations of a guarantee.
type share[K comparable] struct {
	of K
	n  int
}

// whoseLines are the attribution as sentences.
func whoseLines(r Result) (lines []string) {
	for _, line := range attribution(r) {
		lines = append(lines, capital(clip(line, 300))+".")
	}
	return lines
}

// attribution says of each guarantee that was broken whose users it met and in
// which events: all 37 lost sessions were of shop-2, in event 3 (kill shop-2).
func attribution(r Result) (lines []string) {
	for _, g := range r.Outcome.Guarantees {
		var of []check.Violation
		for _, v := range r.Outcome.Violations {
			if v.Guarantee == g.ID && !v.Unattributed {
				of = append(of, v)
			}
		}
		if g.Bad > 0 && len(of) > 0 {
			lines = append(lines, whose(r, g, of))
		}
	}
	return lines
}

func whose(r Result, g check.Guarantee, of []check.Violation) string {
	instances := shares(of, func(v check.Violation) string { return v.Instance })
	words, kept := brokenWords[g.ID], ""
	if g.Bad > len(of) {
		kept = " that were kept of " + number(g.Bad)
	}
	subject := fmt.Sprintf("the %s %s%s were", number(len(of)), words[1], kept)
	switch {
	case len(of) == 1 && kept == "":
		subject = "the " + words[0] + " was"
	case len(instances) == 1 && len(of) == 2 && kept == "":
		subject = "both " + words[1] + " were"
	case len(instances) == 1:
		subject = "all " + strings.TrimPrefix(subject, "the ")
	}
	events := shares(of, func(v check.Violation) int { return v.Event })
	return subject + " " + whichInstances(instances, answering(r)) + ", " + whichEvents(events, r.Outcome.Events)
}

// shares counts by a key, most first.
func shares[K cmp.Ordered](of []check.Violation, key func(check.Violation) K) []share[K] {
	counts := map[K]int{}
	for _, v := range of {
		counts[key(v)]++
	}
	var all []share[K]
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, share[K]{k, counts[k]})
	}
	slices.SortStableFunc(all, func(a, b share[K]) int { return cmp.Compare(b.n, a.n) })
	return all
}

// answering are the instances that gave answers, as far as is known.
func answering(r Result) map[string]bool {
	names := map[string]bool{}
	for _, name := range r.Series.Snapshot().Instances {
		names[name] = true
	}
	return names
}

func whichInstances(instances []share[string], known map[string]bool) string {
	const most = 3
	if len(instances) == 1 {
		if instances[0].of == "" {
			return "of no instance that is known"
		}
		return "of " + clip(instances[0].of, 40)
	}
	var named []string
	met := 0
	for i, s := range instances {
		name := clip(s.of, 40)
		if s.of == "" {
			name = "unknown"
		}
		if known[s.of] {
			met++
		}
		if i < most {
			named = append(named, name+" "+number(s.n))
		}
	}
	if more := len(instances) - most; more > 0 {
		named = append(named, "…")
	}
	list := " (" + strings.Join(named, ", ") + ")"
	if met == len(known) && met > 1 {
		return "of all instances" + list
	}
	return "of " + number(len(instances)) + " instances" + list
}

func whichEvents(events []share[int], known []check.Event) string {
	name := func(id int) string {
		for _, e := range known {
			if e.ID == id {
				return "in event " + eventName(e)
			}
		}
		return fmt.Sprintf("in event %d", id)
	}
	outside := 0
	in := slices.DeleteFunc(slices.Clone(events), func(s share[int]) bool {
		if s.of == 0 {
			outside = s.n
		}
		return s.of == 0
	})
	if len(in) == 0 {
		return "outside of events"
	}
	where := name(in[0].of)
	if len(in) > 1 {
		where = "in " + number(len(in)) + " events"
	}
	if outside == 0 {
		return where
	}
	inside := 0
	for _, s := range in {
		inside += s.n
	}
	return fmt.Sprintf("%s %s, %s outside of events", number(inside), where, number(outside))
}

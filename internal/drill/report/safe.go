package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// safe says that nothing was lost of what was tested, and what it leaves out.
func safe(o check.Outcome) string {
	var kept, untested []string
	for _, of := range []struct {
		one, many string
		ids       []check.ID
	}{
		{"a session", "sessions", []check.ID{check.G1}},
		{"a write", "writes", []check.ID{check.G2, check.G3, check.G4}},
		{"a request", "requests", []check.ID{check.G10}},
	} {
		if slices.ContainsFunc(of.ids, func(id check.ID) bool { return o.Guarantee(id).Status != check.NotExercised }) {
			kept = append(kept, of.one)
		} else {
			untested = append(untested, of.many)
		}
	}
	s := "what was tested was kept"
	if last := len(kept) - 1; last > 0 {
		kept = append(kept[:last-1], kept[last-1]+" or "+kept[last])
	}
	if len(kept) > 0 {
		s = "nobody lost " + strings.Join(kept, ", ")
	}
	if len(untested) > 0 {
		s += " (not tested: " + strings.Join(untested, ", ") + ")"
	}
	if n := o.Requests.SeenAtKills; n > 0 {
		s += fmt.Sprintf(", but for %s in flight to an instance when it was killed", plural(n, "POST", "POSTs"))
	}
	if n := unattributed(o); n > 0 {
		s += fmt.Sprintf(", not counting %s while the drill itself was late", plural(n, "violation", "violations"))
	}
	return s
}

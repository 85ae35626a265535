package audit

import (
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// once leaves out what was found again in another thing that is made of the same
// file, as overlays of one base are: the same rule at the same value, with the
// same numbers. found is sorted.
func once(found []rule.Finding) []rule.Finding {
	type cause struct {
		rule       string
		at         tree.Pos
		arithmetic string
		message    string // only where the place does not say the value itself
	}
	seen := map[cause]bool{}
	kept := found[:0]
	for _, f := range found {
		derived, same := f.Node.Made()
		if derived {
			c := cause{rule: f.Rule.ID, at: f.Node.Pos(), arithmetic: f.Arithmetic}
			if !same {
				c.message = f.Message
			}
			if seen[c] {
				continue
			}
			seen[c] = true
		}
		kept = append(kept, f)
	}
	return kept
}

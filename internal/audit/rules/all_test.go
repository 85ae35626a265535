package rules

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// faults are the IDs that are there twice, and those that a rule yields to and
// that are not there.
func faults(all []*rule.Rule) (twice, unknown []string) {
	count := map[string]int{}
	for _, r := range all {
		if count[r.ID]++; count[r.ID] == 2 {
			twice = append(twice, r.ID)
		}
	}
	for _, r := range all {
		for _, id := range r.YieldsTo {
			if count[id] == 0 {
				unknown = append(unknown, id)
			}
		}
	}
	return twice, unknown
}

func TestCatalogue(t *testing.T) {
	if twice, unknown := faults(All()); len(twice)+len(unknown) > 0 {
		t.Errorf("twice %v, unknown %v", twice, unknown)
	}
	planted := append(slices.Clone(All()), All()[3], &rule.Rule{ID: "EK-X-001", YieldsTo: []string{"EK-X-002"}})
	twice, unknown := faults(planted)
	if !slices.Equal(twice, []string{All()[3].ID}) || !slices.Equal(unknown, []string{"EK-X-002"}) {
		t.Errorf("planted: twice %v, unknown %v", twice, unknown)
	}
}

package report

import (
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// A pass claims only what was tested.
func TestSafe(t *testing.T) {
	for want, untested := range map[string][]check.ID{
		"nobody lost a session, a write or a request":                       {check.G2, check.G4, check.G5},
		"nobody lost a session or a request (not tested: writes)":           {check.G2, check.G3, check.G4},
		"nobody lost a request (not tested: sessions, writes)":              {check.G1, check.G2, check.G3, check.G4},
		"what was tested was kept (not tested: sessions, writes, requests)": {check.G1, check.G2, check.G3, check.G4, check.G10},
	} {
		var o check.Outcome
		for _, id := range check.IDs() {
			o.Guarantees = append(o.Guarantees, check.Guarantee{ID: id, Status: check.Pass, Exposed: 100})
		}
		for i := range o.Guarantees {
			for _, id := range untested {
				if o.Guarantees[i].ID == id {
					o.Guarantees[i].Status = check.NotExercised
				}
			}
		}
		if got := safe(o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

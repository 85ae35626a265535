package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// A cookie of a session that has ended, or an ID that was replaced, is tried
// again long after.
func TestOldCookiesAreTried(t *testing.T) {
	for _, test := range []struct {
		name    string
		service *service
		bad     []check.ID
	}{
		{"faithful", &service{}, nil},
		{"sessions come back 3 s after the logout", &service{revives: 3 * time.Second}, []check.ID{check.G9}},
		{"replaced IDs live for ever", &service{keepsIDs: true}, []check.ID{check.G8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, s := judged(t, test.service.handler(t), Options{Users: 20, Duration: time.Minute, Seed: 8}, check.Options{RenewalGrace: grace})
				wantBad(t, o, test.bad...)
				wantPlausible(t, s.ops, 150*time.Millisecond)
				epoch, later := map[int]int{}, 0
				for _, op := range s.ops {
					epoch[op.User] = max(epoch[op.User], op.Epoch)
					if op.Kind == history.Replay && op.Epoch < epoch[op.User] {
						later++
					}
				}
				if later < 10 {
					t.Errorf("%d replays during later sessions", later)
				}
			})
		})
	}
}

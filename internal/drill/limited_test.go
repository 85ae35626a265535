package drill_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// A service that stands still takes all lanes of its users: what the drill does
// not send then is counted, and such a run proves nothing, whatever else it
// shows.
func TestShedLoadIsInconclusive(t *testing.T) {
	s := &service{}
	opt := options(s.start(t))
	var once sync.Once
	var wg sync.WaitGroup
	opt.Observe = func(op history.Op) {
		if op.Return > 1500*time.Millisecond {
			once.Do(func() {
				wg.Go(func() {
					s.mu.Lock()
					defer s.mu.Unlock()
					<-time.After(time.Second)
				})
			})
		}
	}
	got := run(t, opt)
	wg.Wait()
	out := got.Outcome
	if out.Requests.Shed == 0 {
		t.Error("nothing was shed")
	}
	if !strings.Contains(why(got.Health.Windows), "shed") {
		t.Errorf("health %+v", got.Health)
	}
	if v := check.Judge(out, nil, nil); v != check.VerdictInconclusive || v.ExitCode() != 3 {
		t.Errorf("verdict %s, reasons %q, violations %+v", v, out.Inconclusive, out.Violations)
	}
}

func why(windows []engine.Window) string {
	var b strings.Builder
	for _, w := range windows {
		b.WriteString(w.Why + "\n")
	}
	return b.String()
}

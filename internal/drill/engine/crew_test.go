package engine

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// holding is a dialect whose operations last until they are let go.
type holding struct {
	Dialect
	running atomic.Int64
	enough  chan struct{}
}

func (h *holding) Perform(Send, Call, *history.Op) Exchange {
	h.running.Add(1)
	<-h.enough
	h.running.Add(-1)
	return Exchange{Status: 200}
}

// However many operations are handed over, all are under way at once; those who
// wait afterwards are bounded, are used again, and leave at the end.
func TestCrew(t *testing.T) {
	h := &holding{enough: make(chan struct{})}
	l := &Load{dialect: h, opt: Options{Clock: NewClock()}, when: newTimeline(), sink: func(history.Op) {}}
	l.crew.handed = make(chan task)
	v := &virtual{}
	v.journey = journey{plan: &l.plan, place: over, alarm: never}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("never %s: %d run, %d wait", what, h.running.Load(), l.crew.waiting.Load())
			}
		}
	}
	const n = 2 * maxWaiting
	for range n {
		l.hand(t.Context(), task{v, &action{}})
	}
	until("all at once", func() bool { return h.running.Load() == n })
	close(h.enough)
	until("only as many as may wait", func() bool { return h.running.Load() == 0 && crewOf() == maxWaiting })
	for range 10 * n {
		l.hand(t.Context(), task{v, &action{}})
	}
	until("at rest", func() bool { return h.running.Load() == 0 && crewOf() <= maxWaiting })
	close(l.crew.handed)
	l.workers.Wait()
	if got := l.count.sent.Load(); got != 11*n {
		t.Errorf("%d operations, want %d", got, 11*n)
	}
}

// crewOf counts the goroutines of crews.
func crewOf() int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "engine.(*Load).hand.func1")
}

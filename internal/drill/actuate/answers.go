package actuate

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Answers remembers which instances have answered, and when. The zero value has
// seen nothing; nil never does. It is safe for concurrent use.
type Answers struct {
	mu    sync.Mutex
	spans map[string]span
	count int // of answers that name an instance
}

// span is the time in which an instance has answered.
type span struct {
	first, last time.Duration
	at          int // of count, its last answer
}

const (
	silence    = time.Second     // of an instance that is gone, at least
	overlooked = 20              // answers of others for each instance meanwhile, at least
	settleTime = 2 * time.Second // without one coming or going
	settleMost = 30 * time.Second
	settleLook = 100 * time.Millisecond
)

// Observe takes note of an operation that has returned.
func (a *Answers) Observe(op history.Op) {
	if op.Instance == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spans == nil {
		a.spans = map[string]span{}
	}
	a.count++
	s, known := a.spans[op.Instance]
	if !known {
		s.first = op.Return
	}
	s.last, s.at = max(s.last, op.Return), a.count
	a.spans[op.Instance] = s
}

// gone reports whether the instance has fallen silent at now, while others were
// heard.
func (a *Answers) gone(s span, now time.Duration) bool {
	return now-s.last >= silence && a.count-s.at >= overlooked*len(a.spans)
}

// alive are the instances that answer, and those that may.
func (a *Answers) alive(now time.Duration) map[string]span {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	all := maps.Clone(a.spans)
	maps.DeleteFunc(all, func(_ string, s span) bool { return a.gone(s, now) })
	return all
}

// changes are the last answer of the first instance of before to fall silent,
// the first one of the last that is new (negative: none), and how many came and
// went.
func (a *Answers) changes(before map[string]span, now time.Duration) (left, ready time.Duration, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	left, ready = -1, -1
	for name, s := range a.spans {
		_, known := before[name]
		if known && a.gone(s, now) {
			n++
			if left < 0 || s.last < left {
				left = s.last
			}
		}
		if !known && s.first > 0 {
			n++
			ready = max(ready, s.first)
		}
	}
	return left, ready, n
}

// await waits until no instance has come or gone for a while, and writes down
// which phases that shows. Where answers name no instance it shows none.
func (a *Answers) await(ctx context.Context, s *drill.Scene, before map[string]span) error {
	if len(before) == 0 {
		return nil
	}
	begun := s.Now()
	changed, seen := begun, 0
	for {
		now := s.Now()
		left, ready, n := a.changes(before, now)
		if n != seen {
			seen, changed = n, now
		}
		if now-changed >= settleTime || now-begun >= settleMost {
			if left >= 0 {
				s.TerminatingAt(left)
			}
			if ready >= 0 {
				s.ReadyAt(ready)
			}
			return nil
		}
		if err := pause(ctx, settleLook); err != nil {
			return err
		}
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

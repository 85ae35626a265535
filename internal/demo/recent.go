package demo

import (
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// recent keeps how long the last answers took, for the page's charts. The zero
// value is empty; it is safe for concurrent use.
type recent struct {
	mu    sync.Mutex
	last  [1024]time.Duration // about two seconds
	count int
}

// observe keeps the time of an answer; requests that are slow on purpose say
// nothing.
func (r *recent) observe(op history.Op) {
	if op.Kind == history.Slow || op.Kind == history.Stream || op.Status == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[r.count%len(r.last)] = op.Return - op.Call
	r.count++
}

// percentiles are the median and the 99th percentile; zero without answers.
func (r *recent) percentiles() (p50, p99 time.Duration) {
	r.mu.Lock()
	all := slices.Clone(r.last[:min(r.count, len(r.last))])
	r.mu.Unlock()
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100]
}

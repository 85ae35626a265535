package durable

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// waiter is a commit that nobody has vouched for yet.
type waiter struct {
	key  string
	term link.Term
	left <-chan struct{} // closed when the caller has gone
	done chan result     // has room for the one result
}

// gone tells whether nobody waits any more.
func (w *waiter) gone() bool {
	select {
	case <-w.left:
		return true
	default:
		return false
	}
}

// result is how many replicas have acknowledged, or why that is unknown.
type result struct {
	acked int
	err   error
}

// enqueue has the waiter taken along by the next round to its master; false
// after Close.
func (g *Group) enqueue(w *waiter) bool {
	node := w.term.Node()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	queue, busy := g.queues[node]
	g.queues[node] = append(queue, w)
	if !busy {
		g.running.Go(func() { g.serve(node) })
	}
	return true
}

// serve does rounds to one master until nobody waits for one.
func (g *Group) serve(node string) {
	for {
		batch, closed := g.take(node)
		switch {
		case batch == nil:
			return
		case closed:
			answer(batch, errClosed)
		default:
			g.attend(batch)
		}
	}
}

// take takes all who wait. If that is nobody, the goroutine has ended.
func (g *Group) take(node string) (batch []*waiter, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	batch = slices.DeleteFunc(g.queues[node], (*waiter).gone)
	if len(batch) == 0 {
		delete(g.queues, node)
		return nil, g.closed
	}
	g.queues[node] = nil
	return batch, g.closed
}

// grace is how much longer than its callers a round may take before its
// connection is given up: a master that is slow is none that is gone.
const grace = time.Second

// attend does a round for the batch. The connection may have been lost long
// ago, while it was not used; so that is worth another round.
func (g *Group) attend(batch []*waiter) {
	ctx, cancel := context.WithTimeout(context.Background(), g.opt.Timeout+grace)
	defer cancel()
	results, err := g.round(ctx, batch)
	if e, ok := errors.AsType[*link.Error](err); ok && e.Failure == link.Disconnected {
		results, err = g.round(ctx, batch)
	}
	if results == nil {
		answer(batch, err)
		return
	}
	for i, w := range batch {
		w.done <- results[i]
	}
}

func answer(batch []*waiter, err error) {
	for _, w := range batch {
		w.done <- result{err: err}
	}
}

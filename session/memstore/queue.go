package memstore

import (
	"container/heap"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// entry is a stored record.
type entry struct {
	key    session.Key
	record *session.Record
	// due is when to look whether the record has expired: never later than
	// its expiry, which moves with each access.
	due   time.Time
	index int // in the queue

	device   string // of the last sign-in
	signedIn int64  // counts the store's sign-ins
}

// queue is a heap of entries, the first due in front.
type queue []*entry

var _ heap.Interface = (*queue)(nil)

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	old := *q
	last := len(old) - 1
	e := old[last]
	old[last] = nil
	*q = old[:last]
	return e
}

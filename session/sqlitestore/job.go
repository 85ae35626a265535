package sqlitestore

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// job is one write that waits for its turn.
type job struct {
	key session.Key
	// apply computes from the stored record, nil if there is none, what to
	// store instead, nil for nothing. It is called once per attempt and has
	// no effect outside the job. Its error is the caller's and concerns no
	// other job.
	apply func(rec *session.Record, now time.Time) (*session.Record, error)

	state atomic.Int32 // waiting, then running or abandoned
	done  chan struct{}
	err   error // valid when done is closed
}

const (
	waiting int32 = iota
	running
	abandoned // by its caller: it must not run any more
)

func newJob(key session.Key, apply func(*session.Record, time.Time) (*session.Record, error)) *job {
	return &job{key: key, apply: apply, done: make(chan struct{})}
}

// begin claims the job for the writer; false if its caller has left.
func (j *job) begin() bool { return j.state.CompareAndSwap(waiting, running) }

// wait returns the job's error, or that of ctx if it ends first.
func (j *job) wait(ctx context.Context, stopped <-chan struct{}) error {
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		j.state.CompareAndSwap(waiting, abandoned)
		return ctx.Err()
	case <-stopped:
	}
	select {
	case <-j.done:
		return j.err
	default:
		return ErrClosed // it came when the writer had left
	}
}

// detach returns a change that its caller can no longer reach: one that gave
// up may reuse its buffers while the writer reads.
func detach(c session.Change) session.Change {
	c.Start, c.SignIn, c.Renew = clone(c.Start), clone(c.SignIn), clone(c.Renew)
	c.Ops = slices.Clone(c.Ops)
	for i := range c.Ops {
		op := &c.Ops[i]
		op.Value = bytes.Clone(op.Value)
		op.Elements = slices.Clone(op.Elements)
		for j := range op.Elements {
			op.Elements[j] = bytes.Clone(op.Elements[j])
		}
		if op.Expect = clone(op.Expect); op.Expect != nil {
			op.Expect.Value = bytes.Clone(op.Expect.Value)
		}
	}
	return c
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

package index

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// finished is what became of doomed sessions.
type finished struct {
	ended []session.Key // sessions of the principal that this call has ended
	left  int           // how many could not be ended
	cause error         // of one of them
}

func (f finished) err() error {
	if f.left == 0 {
		return nil
	}
	return fmt.Errorf("index: %d sessions could not be ended, to call again goes on: %w", f.left, f.cause)
}

// finish destroys the sessions of doomed entries, and then, not before, removes
// the entries of those that it could. Others go on when one fails.
func (ix *Index) finish(ctx context.Context, principal string, epoch Epoch, doomed []entry) finished {
	ended, errs := make([]bool, len(doomed)), make([]error, len(doomed))
	ix.each(len(doomed), func(i int) {
		e := &doomed[i]
		ended[i], errs[i] = ix.records.Destroy(ctx, e.key, Victim{
			Principal: principal, UpTo: e.number(), Reason: epoch.doom(e), PendingUntil: e.deadline(),
		})
	})
	var f finished
	var gone []change
	for i := range doomed {
		switch {
		case errs[i] != nil:
			f.left, f.cause = f.left+1, errs[i]
			continue
		case ended[i]:
			f.ended = append(f.ended, doomed[i].key)
		}
		gone = append(gone, change{old: &doomed[i]})
	}
	// An entry that stays is of a session that is no more: whoever comes next
	// finds that out and removes it.
	_, _ = ix.settle(ctx, principal, gone)
	return f
}

// change replaces an entry, or removes it where next is empty, if it still is
// as it was seen.
type change struct {
	old  *entry
	next string
}

// settle makes changes, and tells of each whether it was made.
func (ix *Index) settle(ctx context.Context, principal string, changes []change) ([]bool, error) {
	const chunk = 100
	done := make([]bool, 0, len(changes))
	for len(done) < len(changes) {
		part := changes[len(done):min(len(done)+chunk, len(changes))]
		args := make([]string, 0, 3*len(part))
		for _, c := range part {
			args = append(args, string(c.old.key), c.old.raw, c.next)
		}
		var made []int64
		err := ix.call(ctx, ix.scripts.settle, principal, args, func(res rueidis.RedisResult) (err error) {
			made, err = res.AsIntSlice()
			return err
		})
		if err == nil && len(made) != len(part) {
			err = fmt.Errorf("%d of %d answers", len(made), len(part))
		}
		if err != nil {
			return done, fmt.Errorf("settle entries: %w", err)
		}
		for _, m := range made {
			done = append(done, m == 1)
		}
	}
	return done, nil
}

// each calls f(0) to f(n-1), some of them at once, and returns when all have
// returned.
func (ix *Index) each(n int, f func(int)) {
	workers := min(n, ix.opt.Parallel)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// share bounds one part of a sign-in, so that a server that hangs does not use
// up the time that the rest needs.
func share(ctx context.Context) (context.Context, context.CancelFunc) {
	left := time.Second
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline) / 2
	}
	return context.WithTimeout(ctx, left)
}

package index

import (
	"context"
	"fmt"
	"math"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// Revoke implements session.Principals. Of all, or all but one, it raises the
// epoch first, so that no load lets them pass from then on, also where ending
// them fails. Of one it marks the entry first. Either is finished by the next
// call for that principal, whichever it is.
func (ix *Index) Revoke(ctx context.Context, principal string, r session.Revocation) (int, error) {
	if r.Reason == "" {
		r.Reason = session.ReasonRevoked
	}
	switch {
	case principal == "":
		return 0, errNoPrincipal
	case r.Only != "" && r.Except != "":
		return 0, fmt.Errorf("%w: a revocation of only one session, and of all but one", session.ErrMalformed)
	case r.Except != "" && !validKey(r.Except):
		return 0, fmt.Errorf("%w: the session to keep has no session's key", session.ErrMalformed)
	case r.Only != "":
		return ix.revokeOne(ctx, principal, r)
	}
	if err := ix.raise(ctx, principal, r.Except, r.Reason); err != nil {
		return 0, fmt.Errorf("revoke: %w", err)
	}
	epoch, doomed, _, partial, err := ix.state(ctx, principal)
	if err != nil {
		return 0, fmt.Errorf("revoke: %w", err)
	}
	f := ix.finish(ctx, principal, epoch, doomed)
	if err = f.err(); err == nil {
		err = partial
	}
	return len(f.ended), err
}

// revokeOne ends one session, and then what others have left. What comes of
// that is no concern of its caller.
func (ix *Index) revokeOne(ctx context.Context, principal string, r session.Revocation) (n int, err error) {
	if !validKey(r.Only) {
		return 0, nil // nobody's
	}
	marked, err := ix.mark(ctx, principal, r.Only, r.Reason)
	if err != nil {
		return 0, fmt.Errorf("revoke: %w", err)
	}
	if marked == nil { // not the principal's, or the index was lost
		var ended bool
		ended, err = ix.records.Destroy(ctx, r.Only, Victim{Principal: principal, UpTo: math.MaxInt64, Reason: r.Reason})
		n = count(ended)
	} else {
		f := ix.finish(ctx, principal, Epoch{}, []entry{*marked})
		n, err = len(f.ended), f.err()
	}
	if epoch, doomed, _, _, failed := ix.state(ctx, principal); failed == nil {
		ix.finish(ctx, principal, epoch, doomed)
	}
	return n, err
}

func count(ended bool) int {
	if ended {
		return 1
	}
	return 0
}

// mark dooms one entry and returns it, nil if there is none.
func (ix *Index) mark(ctx context.Context, principal string, key session.Key, reason session.Reason) (*entry, error) {
	for range maxRounds {
		e, err := ix.entry(ctx, principal, key)
		if e == nil || err != nil {
			return nil, err
		}
		marked := e.marked(reason)
		done, err := ix.settle(ctx, principal, []change{{old: e, next: marked.raw}})
		if err != nil {
			return nil, err
		}
		if done[0] {
			return &marked, nil
		}
	}
	return nil, errBusy
}

// entry reads one entry, nil if there is none.
func (ix *Index) entry(ctx context.Context, principal string, key session.Key) (*entry, error) {
	index, _ := Keys(ix.opt.Prefix, principal)
	var raw string
	err := ix.caller.Call(ctx, index, func(ctx context.Context, c rueidis.Client) (err error) {
		raw, err = c.Do(ctx, c.B().Hget().Key(index).Field(string(key)).Build()).ToString()
		if rueidis.IsRedisNil(err) {
			return nil
		}
		return err
	})
	if err != nil || raw == "" {
		return nil, err
	}
	e, err := decodeEntry(key, raw)
	if err != nil {
		return nil, errUnknownForm
	}
	return &e, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/crowd"
	"github.com/evenkeel/evenkeel/bench/gateway/peer"
	"github.com/evenkeel/evenkeel/bench/gateway/role"
)

// fleet is a number of targets.
type fleet struct {
	list  []*peer.Proxy
	posts *ledger
}

// startFleet starts targets that end in the given way.
func startFleet(ctx context.Context, n int, onTerm string) (f *fleet, err error) {
	f = &fleet{posts: newLedger()}
	for i := range n {
		t, err := peer.StartRole(ctx, role.Target, onTerm, role.TargetName(i))
		if err != nil {
			f.stop()
			return nil, err
		}
		f.list = append(f.list, t)
		f.posts.follow(t.Lines)
	}
	return f, nil
}

func (f *fleet) targets() (out []peer.Target) {
	for i, t := range f.list {
		out = append(out, peer.Target{Name: role.TargetName(i), Addr: t.Addr})
	}
	return out
}

func (f *fleet) stop() {
	for _, t := range f.list {
		t.Stop()
	}
}

// end waits until a target has ended in its own way.
func end(ctx context.Context, t *peer.Proxy) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return t.End(ctx)
}

// outcome ends the targets, so that no line of theirs is lost, and says what
// became of the crowd's requests.
func (f *fleet) outcome(ctx context.Context, r crowd.Result) (counts, error) {
	var err error
	for _, t := range f.list {
		err = errors.Join(err, end(ctx, t))
	}
	c := counts{Requests: r.Requests, Failed: r.Failed, FailedPOST: len(r.FailedPOSTs),
		StreamsCut: r.StreamsCut, StreamsTorn: r.StreamsTorn, NeedlessMoves: &r.Moves}
	c.DuplicatePOSTs, c.FailedPOSTAcknowledged = f.posts.audit(r.FailedPOSTs)
	return c, err
}

// counts are those of a run; sums, of several.
type counts struct {
	Requests   int `json:"requests"`
	Failed     int `json:"failed"`
	FailedPOST int `json:"failed_post"`
	// FailedPOSTAcknowledged are those that a target had read, or its kernel
	// had acknowledged.
	FailedPOSTAcknowledged int `json:"failed_post_acknowledged"`
	DuplicatePOSTs         int `json:"duplicate_posts"` // executed more than once
	StreamsCut             int `json:"streams_cut"`     // of targets that stayed
	StreamsTorn            int `json:"streams_torn"`    // of what left: without a Close frame or a last chunk
	// NeedlessMoves are clients that had to leave a target that stayed; absent
	// without affinity.
	NeedlessMoves *int `json:"needless_moves,omitempty"`
}

// each calls f with every number of both.
func (c *counts) each(d counts, f func(*int, int)) {
	f(&c.Requests, d.Requests)
	f(&c.Failed, d.Failed)
	f(&c.FailedPOST, d.FailedPOST)
	f(&c.FailedPOSTAcknowledged, d.FailedPOSTAcknowledged)
	f(&c.DuplicatePOSTs, d.DuplicatePOSTs)
	f(&c.StreamsCut, d.StreamsCut)
	f(&c.StreamsTorn, d.StreamsTorn)
	if d.NeedlessMoves != nil {
		if c.NeedlessMoves == nil {
			c.NeedlessMoves = new(int)
		}
		f(c.NeedlessMoves, *d.NeedlessMoves)
	}
}

func (c *counts) add(d counts) { c.each(d, func(a *int, b int) { *a += b }) }
func (c *counts) max(d counts) { c.each(d, func(a *int, b int) { *a = max(*a, b) }) }

// faultless names what is not as it must be where nothing may go wrong.
func (c counts) faultless() error {
	var err error
	for what, n := range map[string]int{"requests failed": c.Failed, "POSTs were executed twice": c.DuplicatePOSTs, "streams were cut": c.StreamsCut, "streams were torn": c.StreamsTorn} {
		if n > 0 {
			err = errors.Join(err, fmt.Errorf("%d %s", n, what))
		}
	}
	if m := c.NeedlessMoves; m != nil && *m > 0 {
		err = errors.Join(err, fmt.Errorf("%d needless moves", *m))
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

package host

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// Load is what the process has to do in a moment.
type Load struct {
	State    drain.State
	Requests int // in flight, streams not among them
	Streams  int
}

// InFlight is all of it.
func (l Load) InFlight() int { return l.Requests + l.Streams }

// Sample asks for the load at once and then in this interval, until ctx ends;
// then it closes the channel. A reader that is late gets the newest load next,
// not those that it has missed.
func Sample(ctx context.Context, every time.Duration, load func() Load) <-chan Load {
	c := make(chan Load)
	go func() {
		defer close(c)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case c <- load():
			case <-ctx.Done():
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return c
}

// Next waits for a load of Sample, or for the end of ctx; ok tells which. A
// load function that hangs does not hold it up.
func Next(ctx context.Context, samples <-chan Load) (l Load, ok bool) {
	select {
	case l, ok = <-samples:
		return l, ok && ctx.Err() == nil
	case <-ctx.Done():
		return Load{}, false
	}
}

// releaseTime is what a platform may take to be told the last thing; Run of a
// host returns within 2 s.
const releaseTime = 1500 * time.Millisecond

// Release calls f with a context that outlives ctx by 1.5 s.
func Release(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	return f(ctx)
}

package kubernetes

import (
	"math"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// cost decides what is written to the pod, and when. It is the mean of what is
// in flight in the last interval, not the count of one moment, which would
// change at each look; it is rounded up, so that only an idle pod is free.
//
// A write costs the API server and everybody who watches pods, hence the
// limits: the documentation of the annotation asks for no frequent updates.
type cost struct {
	every time.Duration

	sum, n  float64
	written int32
	sure    bool // written is what the pod has
	mine    bool // the annotation is, or may be, ours
	at      time.Time
}

// add takes a sample.
func (c *cost) add(l host.Load) {
	c.sum += float64(max(0, l.InFlight()))
	c.n++
}

// found is what the pod had before the first write.
func (c *cost) found(value int32, present bool) {
	c.written, c.sure, c.mine = value, true, present
}

// due tells whether to write, and what.
func (c *cost) due(now time.Time) (int32, bool) {
	if c.n == 0 || !c.at.IsZero() && now.Sub(c.at) < c.every {
		return 0, false
	}
	value := int32(min(math.Ceil(c.sum/c.n), math.MaxInt32))
	change := math.Abs(float64(value) - float64(c.written))
	if !c.sure || value != c.written && (value == 0 || c.written == 0 || change >= 0.2*math.Abs(float64(c.written))) {
		return value, true
	}
	c.sum, c.n = 0, 0 // a new interval; one that waits for the first request ends with it
	if c.written != 0 {
		c.at = now
	}
	return value, false
}

// sent is a write that has succeeded.
func (c *cost) sent(now time.Time, value int32) {
	*c = cost{every: c.every, written: value, sure: true, mine: true, at: now}
}

// unknown is a write that may have happened.
func (c *cost) unknown(now time.Time) {
	*c = cost{every: c.every, mine: true, at: now}
}

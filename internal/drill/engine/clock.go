package engine

import "time"

// Clock is monotonic time since the start of a run. The zero value is not
// usable; it may be copied and used concurrently.
type Clock struct{ start time.Time }

// NewClock returns a clock that starts now.
func NewClock() Clock { return Clock{start: time.Now()} }

// Now is the time since the start.
func (c Clock) Now() time.Duration { return time.Since(c.start) }

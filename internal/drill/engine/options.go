package engine

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Options of a load. Targets, Dialect, Users and Duration have no usable zero
// value.
type Options struct {
	Targets  []string // URLs of the service, see NewClient
	Dialect  Dialect
	Users    int
	Pace     Pace
	Duration time.Duration // from the first sign-in until users begin to settle
	Control  time.Duration // the first part of it, before there are events; for Stats
	Seed     uint64
	Run      string // at the end of each token, see history.Token; "" is the seed
	Slow     Slow
	Streams  Streams
	Expiry   Expiry
	// Quiet is for how long nothing of a user was in flight before a settle
	// read: the lag that the service is granted. 0 is 150 ms.
	Quiet  time.Duration
	Client ClientOptions
	Clock  Clock // of all times; the zero value starts one in New
}

// Pace is how much is done; the zero value is an operation of each user every
// 500 ms.
type Pace struct {
	// Rate is operations per second of all users together.
	Rate float64
	// Think is the average time between a user's operations, where Rate is
	// not given.
	Think time.Duration
	// Ramp is the time over which users begin. 0 is one second for each
	// thousand users, at least one second, at most a quarter of the duration,
	// and not faster than Rate.
	Ramp time.Duration
}

func (o Options) withDefaults() Options {
	if o.Pace.Rate > 0 {
		o.Pace.Think = time.Duration(float64(o.Users) / o.Pace.Rate * float64(time.Second))
	}
	o.Pace.Think = cmp.Or(o.Pace.Think, 500*time.Millisecond)
	if o.Pace.Ramp == 0 {
		ramp := max(time.Second, time.Duration(o.Users)*time.Millisecond)
		if o.Pace.Rate > 0 {
			ramp = max(ramp, o.Pace.Think)
		}
		o.Pace.Ramp = min(ramp, o.Duration/4)
	}
	o.Run = cmp.Or(o.Run, fmt.Sprintf("%x", o.Seed))
	o.Streams = o.Streams.withDefaults(o.Users)
	o.Expiry = o.Expiry.withDefaults(o.Users, o.Duration)
	o.Slow.Kept = cmp.Or(o.Slow.Kept, 5)
	o.Slow.Time = cmp.Or(o.Slow.Time, time.Second)
	o.Quiet = cmp.Or(o.Quiet, 150*time.Millisecond)
	if o.Clock.start.IsZero() {
		o.Clock = NewClock()
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.Dialect == nil:
		return errors.New("load: no dialect")
	case o.Users < 1:
		return fmt.Errorf("load: %d users, want at least one", o.Users)
	case o.Duration <= 0:
		return fmt.Errorf("load: duration %v, want more than nothing", o.Duration)
	case o.Control < 0 || o.Control > o.Duration:
		return fmt.Errorf("load: control %v is not within the duration %v", o.Control, o.Duration)
	case o.Pace.Rate < 0 || o.Pace.Think < 0 || o.Pace.Ramp < 0 || o.Quiet < 0 || o.Slow.Time < 0 ||
		o.Streams.Retry < 0 || o.Streams.Within < 0 || o.Expiry.Idle < 0 || o.Expiry.Absolute < 0:
		return errors.New("load: rates and times must not be negative")
	case o.Pace.Rate > 0 && o.Pace.Think > 0:
		return errors.New("load: a rate and a think time exclude one another")
	}
	return nil
}

// slotsOf is how many slow requests may be in flight at once.
func (o Options) slotsOf() int64 {
	if o.Slow.Kept < 0 {
		return 0
	}
	return int64(min(o.Slow.Kept+3, max(o.Users/2, 1)))
}

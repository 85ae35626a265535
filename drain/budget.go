package drain

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// What a zero field of a Budget stands for, and the grace period of a platform
// that was not named: Kubernetes, ECS and docker-compatible runtimes of both
// kill after 30 s unless told otherwise.
const (
	DefaultWithdraw = 5 * time.Second
	DefaultRequests = 30 * time.Second
	DefaultStreams  = 30 * time.Second
	DefaultFlush    = 5 * time.Second
	DefaultGrace    = 30 * time.Second
)

// None is the value of a Budget's field for "no time at all", since zero is
// the default. With Withdraw: None readiness fails and the listeners close in
// the same moment, which is right where the platform has waited already (a
// preStop sleep, an ALB's deregistration).
const None time.Duration = -1

// leastShrunk is the shortest time that Fit makes of a default.
const leastShrunk = time.Second

// Budget is how long each part of the way out may take. A field is a positive
// duration that the user set, zero for the default, or [None]; any other
// negative value is an error of Fit. The zero value is all defaults.
//
// In a Budget that Fit has returned every field is set or None, so that
// max(0, b.Withdraw) is the length of a part.
type Budget struct {
	Withdraw time.Duration // still serving after readiness fails: how long balancers may go on sending
	Requests time.Duration // the longest request that may finish, from the beginning of draining
	Streams  time.Duration // the same for streams, which are told at the beginning of draining
	Flush    time.Duration // all hooks together: last commits, telemetry
}

// Needed is Withdraw + max(Requests, Streams) + Flush, for requests and streams
// finish side by side. A sum beyond the range of a Duration is the longest
// Duration.
func (b Budget) Needed() time.Duration {
	b = b.withDefaults()
	return add(add(length(b.Withdraw), max(length(b.Requests), length(b.Streams))), length(b.Flush))
}

// Margin is what a grace period must have beyond Needed, for a busy machine:
// 10 % of Needed, at least 2 s, at most 5 s.
func (b Budget) Margin() time.Duration {
	return min(max(b.Needed()/10, 2*time.Second), 5*time.Second)
}

// Fit returns the budget with its defaults filled in, such that
// Needed + Margin <= grace.
//
// Values that the user set are never changed: if they do not fit, the error is
// a *FitError, which prints the arithmetic. Defaults of Streams, then of
// Requests, shrink as far as needed, to 1 s at least; those of Withdraw and
// Flush do not. Fit of a result is the result.
func (b Budget) Fit(grace time.Duration) (Budget, error) {
	if err := b.check(); err != nil {
		return Budget{}, err
	}
	if grace <= 0 {
		return Budget{}, fmt.Errorf("the grace period is %v: it must be positive", grace)
	}
	fit := b.withDefaults()
	if fit.fits(grace) {
		return fit, nil
	}
	room := most(grace) - add(length(fit.Withdraw), length(fit.Flush))
	room = max(room.Truncate(time.Millisecond), leastShrunk)
	if b.Streams == 0 {
		fit.Streams = min(fit.Streams, room)
	}
	if b.Requests == 0 {
		fit.Requests = min(fit.Requests, room)
	}
	if !fit.fits(grace) {
		return Budget{}, &FitError{Budget: fit, Grace: grace}
	}
	return fit, nil
}

// String is the arithmetic: "withdraw 10s + max(requests 30s, streams 60s) +
// flush 5s + margin 5s = 80s".
func (b Budget) String() string {
	b = b.withDefaults()
	return fmt.Sprintf("withdraw %s + max(requests %s, streams %s) + flush %s + margin %s = %s",
		seconds(b.Withdraw), seconds(b.Requests), seconds(b.Streams), seconds(b.Flush),
		seconds(b.Margin()), seconds(add(b.Needed(), b.Margin())))
}

// FitError says that a Budget needs more than the grace period. Budget holds
// the defaults as far as they could shrink.
type FitError struct {
	Budget Budget
	Grace  time.Duration
}

// Error prints the arithmetic.
func (e *FitError) Error() string {
	return fmt.Sprintf("the budget does not fit the grace period: %v > grace %s", e.Budget, seconds(e.Grace))
}

func (b Budget) check() error {
	for _, f := range []struct {
		name       string
		value, def time.Duration
	}{
		{"withdraw", b.Withdraw, DefaultWithdraw},
		{"requests", b.Requests, DefaultRequests},
		{"streams", b.Streams, DefaultStreams},
		{"flush", b.Flush, DefaultFlush},
	} {
		if f.value < 0 && f.value != None {
			return fmt.Errorf("budget: %s is %v: want a positive duration, 0 for the default %v, or drain.None",
				f.name, f.value, f.def)
		}
	}
	return nil
}

func (b Budget) fits(grace time.Duration) bool { return add(b.Needed(), b.Margin()) <= grace }

func (b Budget) withDefaults() Budget {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&b.Withdraw, DefaultWithdraw)
	set(&b.Requests, DefaultRequests)
	set(&b.Streams, DefaultStreams)
	set(&b.Flush, DefaultFlush)
	return b
}

// most is the largest n with n + margin(n) <= grace.
func most(grace time.Duration) time.Duration {
	switch {
	case grace >= 55*time.Second:
		return grace - 5*time.Second
	case grace >= 22*time.Second:
		return grace * 10 / 11
	default:
		return grace - 2*time.Second
	}
}

// length of a part: None and other negative values are no time.
func length(d time.Duration) time.Duration { return max(0, d) }

// add is a + b without overflow, for a, b >= 0.
func add(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// seconds prints in seconds, since that is what grace periods are written in.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(length(d).Truncate(time.Millisecond).Seconds(), 'f', -1, 64) + "s"
}

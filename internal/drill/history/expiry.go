package history

import "time"

// Tolerance is what a drill grants a timeout of the service on either side.
func Tolerance(timeout time.Duration) time.Duration {
	return max(timeout/10, 200*time.Millisecond)
}

// Lives is for how long a session with that timeout has to be there: the
// timeout less the tolerance.
func Lives(timeout time.Duration) time.Duration { return timeout - Tolerance(timeout) }

// Gone is after how long a session with that timeout must not be there any
// more: 1.1 times the timeout and the tolerance.
func Gone(timeout time.Duration) time.Duration { return timeout + timeout/10 + Tolerance(timeout) }

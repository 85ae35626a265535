package session

import (
	"errors"
	"fmt"
	"time"
)

// Errors that stores and sessions return. Use errors.Is and errors.As.
var (
	// ErrNotFound: there is no such session, or nothing presented opens it.
	ErrNotFound = errors.New("session not found")
	// ErrSuperseded: the request was loaded, or arrived, under a generation
	// of the session that may no longer do this.
	ErrSuperseded = errors.New("session was renewed since")
	// ErrExists: Start found a record of that key that another write made.
	ErrExists = errors.New("session exists already")
	// ErrConflict: an attribute is not what Op.Expect says.
	ErrConflict = errors.New("attribute was changed by another request")
	// ErrType: a merge met a value of another kind, or overflowed.
	ErrType = errors.New("attribute holds another type")
	// ErrLimit: the change would exceed a limit.
	ErrLimit = errors.New("session limit exceeded")
	// ErrUnknown: a retry whose first attempt can no longer be decided.
	ErrUnknown = errors.New("outcome of the earlier attempt is unknown")
	// ErrPrincipal: the session belongs to another principal.
	ErrPrincipal = errors.New("session belongs to another principal")
	// ErrFormat: the record was written by a version this one cannot read.
	ErrFormat = errors.New("session record has an unknown format")
	// ErrMalformed: the change contradicts itself or lacks something required,
	// whatever the record holds. It is a bug of the caller.
	ErrMalformed = errors.New("change is malformed")
	// ErrStarted: the response has begun, so the change cannot be committed
	// with it; use Session.Commit.
	ErrStarted = errors.New("response has started")
	// ErrDone: the handler has returned.
	ErrDone = errors.New("request is done")
	// ErrUndecodable: an attribute is there but its value cannot be decoded.
	// It is not absent.
	ErrUndecodable = errors.New("attribute value cannot be decoded")
	// ErrTooMany: the principal has as many sessions as SignIn.MaxSessions.
	ErrTooMany = errors.New("principal has too many sessions")
	// ErrNotFresh: nobody is signed in, or the sign-in is longer ago than the
	// handler allows.
	ErrNotFresh = errors.New("nobody has signed in recently enough")
	// ErrUnsupported: the store does not have the ability that is asked for.
	ErrUnsupported = errors.New("session store cannot do this")
)

// ErrGone is the error of a session that was ended, and why.
type ErrGone struct{ Reason Reason }

func (e ErrGone) Error() string { return fmt.Sprintf("session is gone: %s", e.Reason) }

// ErrLate is the error of a write that reached the store after its
// Change.NotAfter. Now is the store's clock, so that a caller whose clock
// is off can set it right.
type ErrLate struct{ Now time.Time }

func (e ErrLate) Error() string { return "write reached the store too late" }

// ErrUnavailable is the error of a call that a store refused without sending
// anything, because its server has not answered lately. Nothing was read or
// written.
type ErrUnavailable struct {
	RetryAfter time.Duration // when to try again, at the earliest; 0 is unknown
	Cause      error         // what happened when the server was last asked
}

func (e ErrUnavailable) Error() string {
	if e.Cause == nil {
		return "session store is unavailable"
	}
	return "session store is unavailable: " + e.Cause.Error()
}

// Unwrap returns Cause.
func (e ErrUnavailable) Unwrap() error { return e.Cause }

// unavailable finds the ErrUnavailable in err. Whoever asks what err says of a
// record asks this first: what an earlier call was told, the Cause, is no
// answer to this one.
func unavailable(err error) (ErrUnavailable, bool) { return errors.AsType[ErrUnavailable](err) }

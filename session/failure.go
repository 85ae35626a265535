package session

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Status is the HTTP status that an error of this package stands for:
//
//	403  ErrNotFresh
//	409  another request was faster: ErrSuperseded, ErrConflict, ErrPrincipal,
//	     and ErrGone and ErrNotFound, for a session that ended meanwhile; and
//	     ErrTooMany, until the principal ends a session elsewhere
//	413  ErrLimit
//	500  a bug of the service: ErrType, ErrUndecodable, ErrNewer, ErrMalformed,
//	     ErrStarted, ErrDone, ErrUnsupported
//	503  everything else: the store cannot be reached or is not asked
//	     (ErrUnavailable), a write whose outcome is unknown, a record of an
//	     unknown format, ErrStarts
//
// nil is 200.
func Status(err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil:
		return http.StatusOK
	case unanswered(err) || is(context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	case is(ErrNotFresh):
		return http.StatusForbidden
	case absent(err) || is(ErrSuperseded, ErrConflict, ErrPrincipal, ErrTooMany):
		return http.StatusConflict
	case is(ErrLimit):
		return http.StatusRequestEntityTooLarge
	case is(ErrType, ErrUndecodable, ErrNewer, ErrMalformed, ErrStarted, ErrDone, ErrUnsupported):
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// unanswered tells whether err says nothing of the record, whatever it wraps.
func unanswered(err error) bool {
	_, refused := unavailable(err)
	return refused || errors.As(err, new(*outcomeError))
}

// Error writes a plain response of Status(err), with Retry-After if that is
// 503: what an ErrUnavailable says in whole seconds, else 1. It is the default
// of Options.ErrorHandler, and of use to handlers that get an error from a
// session. It tells the client nothing of err's text.
func Error(w http.ResponseWriter, _ *http.Request, err error) {
	code := Status(err)
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.FormatInt(retryAfter(err), 10))
	}
	http.Error(w, http.StatusText(code), code)
}

// retryAfter is when to try again, in whole seconds.
func retryAfter(err error) int64 {
	u, _ := unavailable(err)
	seconds := u.RetryAfter / time.Second
	if u.RetryAfter%time.Second > 0 {
		seconds++
	}
	return max(1, int64(seconds))
}

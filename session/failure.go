package session

import (
	"context"
	"errors"
	"net/http"
)

// Status is the HTTP status that an error of this package stands for:
//
//	409  another request was faster: ErrSuperseded, ErrConflict, ErrPrincipal,
//	     and ErrGone and ErrNotFound, for a session that ended meanwhile
//	413  ErrLimit
//	500  a bug of the service: ErrType, ErrUndecodable, ErrNewer, ErrMalformed,
//	     ErrStarted, ErrDone
//	503  everything else: the store cannot be reached, a write whose outcome
//	     is unknown, a record of an unknown format, ErrStarts
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
	case errors.As(err, new(*outcomeError)) || is(context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	case absent(err) || is(ErrSuperseded, ErrConflict, ErrPrincipal):
		return http.StatusConflict
	case is(ErrLimit):
		return http.StatusRequestEntityTooLarge
	case is(ErrType, ErrUndecodable, ErrNewer, ErrMalformed, ErrStarted, ErrDone):
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// Error writes a plain response of Status(err), with Retry-After: 1 if that is
// 503. It is the default of Options.ErrorHandler, and of use to handlers that
// get an error from a session. It tells the client nothing of err's text.
func Error(w http.ResponseWriter, _ *http.Request, err error) {
	code := Status(err)
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, http.StatusText(code), code)
}

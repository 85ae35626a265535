package engine

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// errTooLarge: the head of an answer is beyond every reasonable size.
var errTooLarge = errors.New("the answer's head is larger than 64 KiB")

// what names a failure for history.Failure. An error before the connection
// stood, whatever its reason (refused, no route, no such name, a TLS handshake
// that failed), is "refused" unless it was a time-out: the request was never
// sent, and that is what matters.
func what(err error, connected bool) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "timeout"
	case !connected:
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return "eof"
	}
	return "malformed"
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}

// idempotent tells whether a browser may send a request of that method again.
func idempotent(method string) bool { return method == "GET" || method == "HEAD" }

// ownFault: a connection did not come about because this machine has no file,
// port or memory left for it. The service has no part in it.
func ownFault(err error) bool {
	for _, own := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

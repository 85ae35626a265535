// Package upstream is an HTTP/1.1 engine towards one target: synchronous, one
// goroutine per exchange (the caller's), a LIFO pool of idle connections, and
// exact knowledge of what was written and whether anything came back, which
// is what a safe replay is decided on.
//
//	pool := upstream.NewPool("10.0.0.7:8080", upstream.Options{HeaderTimeout: time.Minute})
//	defer pool.Close()
//	resp, err := pool.Do(ctx, &upstream.Request{Method: "GET", Target: "/", Host: "shop.example"})
//	if err != nil {
//		return err // always an *upstream.Error
//	}
//	defer resp.Body.Close()
//	_, err = io.Copy(w, resp.Body) // splice(2) where w allows it
//
// # Guarantees
//
//   - The target sees exactly one request with exactly one framing. A request
//     whose method, target, host, field names or values could say anything
//     else is refused before a connection is touched.
//   - A response that ends early, or whose framing is contradictory, is an
//     error and never a clean end.
//   - An idle connection is tested immediately before the first byte is
//     written; one that was closed, or holds bytes nobody asked for, is
//     dropped and the next is taken. No deadline of one exchange reaches the
//     next.
//   - An answer that comes before the request was sent (413 and close) is
//     delivered, also when writing then fails, also when the target stops
//     reading. See [Request.Body].
//   - A host that has vanished is told from a target that is slow, by what its
//     system acknowledges (Linux): see [Options.SilenceTimeout].
//   - What the target sends in pieces is passed on in pieces.
//   - [Error.Wrote], [Error.Answer] and [Error.Unreceived] are facts, not guesses.
//
// # Not guaranteed
//
//   - It never retries, follows, decompresses or buffers; it speaks neither
//     TLS nor HTTP/2.
//   - Full duplex: the body of an answer is not read while the request is
//     still being sent, and an answer is not noticed while the caller's Body
//     blocks in Read.
//   - Writing a request to a target that is slow, and reading a body, have no
//     bound of their own: give Do a context that ends.
//   - Unreceived rests on RFC 9112, 9.6: who has closed processes nothing more.
//     A target that closes its sending half first and then still reads and
//     executes a request is not HTTP.
//   - The test of an idle connection cannot see a close that is still on its
//     way; such an exchange fails with Reused set.
//   - Looking at a socket (that test, and the early answer while the target
//     still takes bytes) needs a Unix system, Unreceived by acknowledgement
//     needs Linux; elsewhere they are absent.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Options of a Pool; the zero value is usable.
type Options struct {
	DialTimeout     time.Duration // 2 s; to connect
	HeaderTimeout   time.Duration // time from the last request byte to the response head; 0 is no bound but the context's
	ContinueTimeout time.Duration // 1 s; how long a request with Expect: 100-continue waits before its body goes all the same
	// SilenceTimeout is how long sent bytes may wait for any acknowledgement by
	// the target's system: 5 s, then the exchange fails with ErrSilent. A target
	// that is slow to read or to answer acknowledges. Linux only.
	SilenceTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept: 55 s. Keep it below
	// the target's own, so that we close first; a target that announces less
	// (Keep-Alive: timeout=5) is believed. Negative keeps none.
	IdleTimeout  time.Duration
	MaxIdle      int // idle connections kept, 256; negative keeps none
	MaxHeadBytes int // of a response head or a trailer, 64 KiB
}

func (o Options) withDefaults() Options {
	o.DialTimeout = or(o.DialTimeout, 2*time.Second)
	o.ContinueTimeout = or(o.ContinueTimeout, time.Second)
	o.SilenceTimeout = or(o.SilenceTimeout, 5*time.Second)
	o.IdleTimeout = or(o.IdleTimeout, 55*time.Second)
	o.MaxIdle = or(o.MaxIdle, 256)
	o.MaxHeadBytes = or(o.MaxHeadBytes, 64<<10)
	return o
}

func or[T int | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// Request is one request as it goes to the wire. Header holds no hop-by-hop
// fields; Host, Content-Length and Transfer-Encoding are written by the engine
// from the fields here, so that the target sees exactly one framing.
//
// Host, Content-Length, Transfer-Encoding, Connection, Keep-Alive,
// Proxy-Connection and Upgrade in Header are never sent, in whatever case they
// are spelled; of TE only "trailers" is. The request is only read, and not
// after Do has returned.
type Request struct {
	Method string // a token; not CONNECT
	Target string // request target: origin form, or "*"
	Host   string // empty is the pool's address
	Header http.Header
	// Body of ContentLength bytes; -1 sends chunked; nil or 0 has none. The
	// engine reads it and does not close it, and reads no more than
	// ContentLength. A body that fits into the first write (32 KiB with the
	// head) is read to its end before any byte is sent.
	//
	// Between pieces of a longer body, and whenever the target takes nothing
	// for a moment, the engine looks for an early answer. One of 300 and above
	// refuses the rest: our side of the connection is closed, and it is not
	// used again. With another one sending goes on until it is done, fails,
	// or stands still for 5 s.
	Body          io.Reader
	ContentLength int64
	Trailer       func() http.Header // called after a chunked Body ended; may be nil
	Fresh         bool               // on a new connection, none from the pool: for a second try
	// Informational is called for each 1xx but 100 and 101, before Do returns.
	Informational func(status int, h http.Header)
	// Upgrade names the protocol to switch to ("websocket"); empty asks for
	// none, and a 101 is then an error.
	Upgrade string
}

// Response is the target's answer. The caller must Close the Body; a Body
// that was read to its end returns the connection to the pool, any other
// Close aborts it. A body that ends early reads as io.ErrUnexpectedEOF.
//
// Header holds no hop-by-hop fields (but those of a 101). Body is never nil,
// has WriteTo, and fails with an *Error of StageBody; a failing writer's own
// error comes back from WriteTo as it is. Body is for one goroutine at a time:
// cancel the context to interrupt it.
type Response struct {
	StatusCode int
	Header     http.Header
	// ContentLength as declared, also where no body follows (HEAD, 304); -1 unknown.
	ContentLength int64
	Body          io.ReadCloser
	Trailer       func() http.Header // after the end of Body; may be nil

	x *exchange // for Hijack
}

// Stage is how far an exchange came before it failed.
type Stage uint8

// The stages, in order.
const (
	StageDial  Stage = iota // no connection
	StageWrite              // while the request was written
	StageHead               // request written, no complete response head
	StageBody               // within the response body
)

// Causes that callers branch on; they are wrapped in an *Error.
var (
	// ErrRequest: the request cannot be sent as HTTP/1.1. Nothing was sent.
	ErrRequest = errors.New("invalid request")
	// ErrMalformed: the target's answer is not HTTP/1.1 as RFC 9112 has it.
	ErrMalformed = errors.New("malformed response")
	// ErrSilent: the target's system acknowledges nothing any more: it has
	// vanished, or the path to it has. It may have received all the same.
	ErrSilent = errors.New("target acknowledges nothing")
	// ErrClosed: the pool was closed before.
	ErrClosed = errors.New("pool is closed")
)

// Error is the error of an exchange: what is known for certain about how far
// it came.
type Error struct {
	Addr    string
	Stage   Stage
	Reused  bool  // on a connection from the pool
	Wrote   int64 // request bytes that the kernel took
	Answer  bool  // at least one byte of a response came
	Client  bool  // reading the request's Body failed, or the request is invalid: not the target's fault
	Replays bool  // Body was not touched, or there is none: can be sent again as it is
	// Unreceived says that the target's process provably read nothing of the
	// request: none was written, or the target closed in good order (not by a
	// reset, which stays ambiguous, also where only a later read saw the end) without having acknowledged a byte of it.
	Unreceived bool
	Err        error
}

func (e *Error) Error() string { return fmt.Sprintf("upstream %s: %v", e.Addr, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a time-out (of dialling, of the response head, of
// the context) ended the exchange.
func (e *Error) Timeout() bool {
	var ne net.Error
	return errors.As(e.Err, &ne) && ne.Timeout()
}

// Doer is what the gateway needs of an engine: Pool has it.
type Doer interface {
	// Do sends r and returns when the response head is there. Its error is
	// always an *Error. Cancelling ctx closes the connection.
	Do(ctx context.Context, r *Request) (*Response, error)
}

package shop

import (
	"context"
	"errors"
	"net/http"
)

// Errors of a Visit that are no failures of the store.
var (
	// ErrEnded: the session that the request came with was signed out or got
	// another ID meanwhile. Nothing was changed.
	ErrEnded = errors.New("the session ended meanwhile")
	// ErrFull: the cart takes no more. Nothing was changed.
	ErrFull = errors.New("the cart is full")
)

// Sessions is a way of keeping visitors' sessions. The strategies of the demo
// differ in this and in how replicas leave; the shop is the same. It is safe
// for concurrent use.
type Sessions interface {
	// Handler makes Visit work in next. A session that cannot be read or saved
	// is answered by failed, in place of what next wanted to say.
	Handler(next http.Handler) http.Handler
	// Visit is the session of r, which came through Handler.
	Visit(r *http.Request) Visit
	// Close releases the store.
	Close() error
}

// Visit is one visitor's session as one request sees it, and for that request's
// goroutine. An error means that the session could not be read or changed,
// never that it is empty. A change without one is stored before the first byte
// of the answer, or failed replaces the answer.
type Visit interface {
	User() (string, error) // "" is signed out
	// SignIn gives the session a new ID. The session of another user ends, and
	// nothing of it is carried over.
	SignIn(user string) error
	SignOut() error
	Renew() error // new session ID, same session; nothing where there is none

	Add(department, item string) error // a line of its own
	Cart() ([]Line, error)             // by department, then as added
	Remove(lines []Line) error         // from the cart; what is not there stays away

	Ticket(ctx context.Context) (int64, error) // takes the next number
	Tickets() (int64, error)                   // the last number taken

	// Done is closed when the session has ended; nil where nobody can tell.
	Done() <-chan struct{}
}

// Line is one thing in a cart. Its ID is its own, so that it can be bought and
// taken out once, whatever else is in the cart.
type Line struct {
	ID         string `json:"id"`
	Department string `json:"department"`
	Item       string `json:"item"`
}

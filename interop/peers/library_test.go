package peers

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
)

// visit is the session in the hands of one request, used as the documentation
// of its library shows.
type visit interface {
	Value(key string) (string, error) // "" is absent
	Set(key, value string) error      //
	User() (string, error)            // "" is nobody
	SignIn(user string) error         // renews the ID where the library can
	SignOut() error                   //
	Save() error                      // what a handler does between its last change and its answer
}

// library is one under test.
type library struct {
	name string
	// open makes a service with an empty store of its own. name is the cookie's,
	// to which a library may add a prefix.
	open func(t testing.TB, name string) service
}

// service is a library set up with its defaults, as far as they can be used.
type service struct {
	cookie string
	store  storage
	wrap   func(http.Handler) http.Handler // the middleware; without one, what it is given
	visit  func(http.ResponseWriter, *http.Request) visit
}

// storage is what the harness does to a service's store.
type storage interface {
	Fail(bool)    // every call, until it is taken back
	Records() int // that it holds
	Spoil()       // makes the attribute "k" undecodable, as a roll-back does to what a newer release wrote
}

// counting is the ability of stores whose calls take a context.
type counting interface {
	Calls() (all, unbounded int) // since the start, and of these without a deadline
}

// calls counts the calls of a store and fails them on demand.
type calls struct {
	mu             sync.Mutex
	fail           bool
	all, unbounded int
}

var errDown = errors.New("store is down")

func (c *calls) call(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	if _, bounded := ctx.Deadline(); !bounded {
		c.unbounded++
	}
	if c.fail {
		return errDown
	}
	return nil
}

func (c *calls) Fail(fail bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

func (c *calls) Calls() (all, unbounded int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all, c.unbounded
}

// bare is the wrap of a library without a middleware.
func bare(h http.Handler) http.Handler { return h }

package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// Each check can be run by itself.
func ExampleChecks() {
	for _, check := range sessiontest.Checks() {
		if check.Name == "retry-after-another" {
			clock := sessiontest.NewClock()
			store := memstore.New(memstore.Options{Now: clock.Now})
			fmt.Println(check.Guarantee, check.Run(sessiontest.Harness{Store: store, Clock: clock}))
		}
	}
	// Output: a retry is recognised behind other requests' writes <nil>
}

// The reply to a commit is lost; the retry learns what happened.
func ExampleWithFaults() {
	store := sessiontest.WithFaults(memstore.New(memstore.Options{}))
	c := session.Change{
		WriteID:  "first",
		NotAfter: time.Now().Add(time.Minute),
		Start:    &session.Start{Verifier: session.Hash{1}, Idle: time.Hour},
	}
	store.Commits(sessiontest.LoseReply)
	_, err := store.Commit(context.Background(), "AAAAAAAAAAAAAAAA", c)
	fmt.Println(errors.Is(err, sessiontest.ErrLost))
	c.Retry = true
	result, err := store.Commit(context.Background(), "AAAAAAAAAAAAAAAA", c)
	fmt.Println(result.Repeated, err)
	// Output:
	// true
	// true <nil>
}

package session_test

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// A store in memory is a map, Apply and Open.
func ExampleApply() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	start := session.Change{
		WriteID:  "first",
		NotAfter: now.Add(time.Second),
		Start:    &session.Start{Verifier: session.Hash{1}, Idle: 30 * time.Minute},
		Ops:      []session.Op{{Kind: session.OpAdd, Name: "visits", N: 1}},
	}
	rec, result, err := session.Apply(nil, start, now)
	fmt.Println(result.Values, result.Repeated, err)

	start.Retry = true
	rec, result, err = session.Apply(rec, start, now)
	fmt.Println(result.Values, result.Repeated, err)
	fmt.Println(rec.Expires().Sub(now), "until the cookie has come back")
	// Output:
	// [1] false <nil>
	// [1] true <nil>
	// 2m0s until the cookie has come back
}

func ExampleOpen() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rec, _, err := session.Apply(nil, session.Change{
		WriteID:  "first",
		NotAfter: now.Add(time.Second),
		Start:    &session.Start{Verifier: session.Hash{1}, Idle: 30 * time.Minute},
	}, now)
	fmt.Println(err)

	_, _, err = session.Open(rec, session.LoadOptions{Verifiers: []session.Hash{{2}}}, now)
	fmt.Println(err)
	view, updated, err := session.Open(rec, session.LoadOptions{Verifiers: []session.Hash{{1}}}, now)
	fmt.Println(view.Generation, view.Current, updated != nil, err)
	fmt.Println(updated.Expires().Sub(now), "from now on")
	// Output:
	// <nil>
	// session not found
	// 1 true true <nil>
	// 33m0s from now on
}

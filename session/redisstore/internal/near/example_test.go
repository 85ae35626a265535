package near_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/near"
)

func Example() {
	ping := func(context.Context) (time.Time, error) { return time.Now(), nil } // link.Ping
	lease, err := near.NewLease(0, ping)
	if err != nil {
		fmt.Println(err)
		return
	}
	cache, err := near.New(lease, near.Options{KeyOf: keyOf})
	if err != nil {
		fmt.Println(err)
		return
	}

	const key = session.Key("0123456789abcdef")
	verifier := session.Hash{1}
	opt := session.LoadOptions{Verifiers: []session.Hash{verifier}}

	// The first load reads all of the record.
	f := cache.Begin(key, near.Tracked)
	if rec, _ := f.Candidate(opt); rec == nil {
		f.Done(fromServer(verifier))
	}

	// The next one asks for the version.
	f = cache.Begin(key, near.Tracked)
	rec, touch := f.Candidate(opt)
	verdict := f.Confirm(near.Answer{Version: session.Version{N: 1, Write: "w"}})
	fmt.Println(rec.Version.N, touch, verdict == near.Current)

	// Another instance has changed it.
	cache.Invalidate([]string{"{ek:shop:1a0}s:0123456789abcdef"})
	fmt.Println(cache.Stats().Entries)
	// Output:
	// 1 false true
	// 0
}

func keyOf(serverKey string) (session.Key, bool) {
	_, key, ok := strings.Cut(serverKey, "}s:")
	return session.Key(key), ok
}

func fromServer(verifier session.Hash) *session.Record {
	now := time.Now()
	return &session.Record{
		Format: session.Format, Version: session.Version{N: 1, Write: "w"}, Generation: 1, Verifier: verifier,
		Created: now, Accessed: now, Idle: time.Hour, Now: now,
	}
}

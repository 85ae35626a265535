package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// browsing is what users cost the server who only read, in the bounded mode:
// commands for each request, with the questions whether the server is there
// (INFO and ROLE, three times a second) and the accesses that are recorded.
type browsing struct {
	Users    int     `json:"users"`
	Requests int64   `json:"requests"`
	Commands int64   `json:"commands"`
	Touches  int64   `json:"touches"`
	Asking   int64   `json:"asking"` // of the commands, ROLE and INFO
	Seconds  float64 `json:"seconds"`
	// PerRequest is the figure of users who send a request in 10 s, with an
	// idle timeout of 30 min: each then records an access in 3 min, which is
	// one for 18 requests.
	PerRequest float64 `json:"commands_per_request"`
}

// The run is 30 times faster than life, with an idle timeout and a pace to
// match, so that as many requests meet a due access. The questions are not
// faster, so they are counted by the second.
const (
	browsers      = 1000
	realPace      = 10 * time.Second
	realIdle      = 30 * time.Minute
	faster        = 30
	browsingSpan  = 28 * time.Second
	realPerSecond = browsers / 10
)

func browse(ctx context.Context, addr string) (b browsing, err error) {
	store, err := openRedis(addr, "browsing")
	if err != nil {
		return b, err
	}
	defer store.Close()
	sessions := make([]*owned, browsers)
	for i := range sessions {
		if sessions[i], err = ownIdle(ctx, store, realIdle/faster); err != nil {
			return b, err
		}
		if err := sessions[i].load(ctx, store, session.CacheBounded, 0); err != nil {
			return b, err
		}
	}
	c, err := newCounter(addr)
	if err != nil {
		return b, err
	}
	defer c.close()
	started := time.Now()
	all, asking, err := c.commands(ctx, func() error { return visitAll(ctx, sessions, store, &b.Requests) })
	if err != nil {
		return b, err
	}
	b.Users, b.Seconds = browsers, time.Since(started).Seconds()
	b.Commands, b.Asking = all, asking
	b.Touches = all - asking
	b.PerRequest = float64(b.Touches)/float64(b.Requests) + float64(asking)/b.Seconds/realPerSecond
	return b, nil
}

// visitAll lets each user read at its pace, each beginning at a time of its
// own.
func visitAll(ctx context.Context, sessions []*owned, store *redisstore.Store, requests *int64) error {
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	end := time.Now().Add(browsingSpan)
	for i, s := range sessions {
		all.Go(func() {
			n := int64(0)
			var err error
			time.Sleep(realPace / faster * time.Duration(i) / browsers)
			for err == nil && time.Now().Before(end) {
				err = s.load(ctx, store, session.CacheBounded, 0)
				n++
				time.Sleep(realPace / faster)
			}
			mu.Lock()
			defer mu.Unlock()
			*requests += n
			if err != nil {
				failed = fmt.Errorf("a user: %w", err)
			}
		})
	}
	all.Wait()
	return failed
}

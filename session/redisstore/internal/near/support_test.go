package near

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var (
	current = session.Hash{1}
	older   = session.Hash{2}
)

// newCache has a lease that no Run keeps: tests call pinged.
func newCache(t testing.TB, opt Options) *Cache {
	t.Helper()
	lease, err := NewLease(0, func(context.Context) (time.Time, error) { return time.Now(), nil })
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(lease, opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pinged is an answered ping.
func pinged(c *Cache) { c.lease.round(context.Background()) }

// record is a session as a server sends it now: confirmed, idle timeout an
// hour, eight attributes of 128 bytes in all.
func record(n int64) *session.Record {
	now := time.Now()
	r := &session.Record{
		Format: session.Format, Version: session.Version{N: n, Write: fmt.Sprint("w", n)},
		Generation: 1, Verifier: current, Created: now, Accessed: now, Idle: time.Hour, Now: now,
		Attributes: map[string][]byte{},
	}
	for i := range 8 {
		r.Attributes[fmt.Sprint("name", i)] = make([]byte, 11)
	}
	return r
}

func key(i int) session.Key { return session.Key(fmt.Sprintf("%016d", i)) }

// filled puts a copy into the cache, over the tracked connection.
func filled(c *Cache, k session.Key, rec *session.Record) {
	c.Begin(k, Tracked).Done(rec)
}

func bounded() session.LoadOptions {
	return session.LoadOptions{Verifiers: []session.Hash{current}, Cache: session.CacheBounded}
}

// reason is the one miss that stats hold.
func reason(t *testing.T, a Answers) string {
	t.Helper()
	found := "hit"
	for m, n := range a.Misses {
		if n == 1 && found == "hit" {
			found = Miss(m).String()
		} else if n != 0 {
			t.Fatalf("more than one miss: %v", a.Misses)
		}
	}
	if (found == "hit") != (a.Hits == 1) {
		t.Fatalf("%d hits and a miss because of %s", a.Hits, found)
	}
	return found
}

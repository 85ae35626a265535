package near

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// benched holds n sessions of eight attributes under a lease that lasts.
func benched(b *testing.B, n int) *Cache {
	c := newCache(b, Options{Recheck: time.Hour})
	for i := range n {
		filled(c, key(i), record(1))
	}
	c.lease.ping = func(context.Context) (time.Time, error) { return time.Now().Add(10 * time.Minute), nil }
	pinged(c)
	if c.Lookup(key(0), bounded()) == nil {
		b.Fatal("no hit")
	}
	b.ReportAllocs()
	return c
}

var sink *session.Record

func BenchmarkBoundedHit(b *testing.B) {
	c, opt := benched(b, 1), bounded()
	for b.Loop() {
		sink = c.Lookup(key0, opt)
	}
}

const key0 = session.Key("0000000000000000")

func BenchmarkBoundedHitOfMany(b *testing.B) {
	const n = 20_000
	c, opt := benched(b, n), bounded()
	keys := make([]session.Key, n)
	for i := range keys {
		keys[i] = key(i * 7919 % n)
	}
	i := 0
	for b.Loop() {
		sink = c.Lookup(keys[i%n], opt)
		i++
	}
}

func BenchmarkBoundedHitParallel(b *testing.B) {
	const n = 20_000
	c, opt := benched(b, n), bounded()
	keys := make([]session.Key, n)
	for i := range keys {
		keys[i] = key(i)
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if c.Lookup(keys[i%n], opt) == nil {
				b.Error("no hit")
				return
			}
		}
	})
}

func BenchmarkBoundedMiss(b *testing.B) {
	c, opt := benched(b, 1), bounded()
	for b.Loop() {
		sink = c.Lookup("another one", opt)
	}
}

func BenchmarkValidated(b *testing.B) {
	c, opt := benched(b, 1), validated()
	for b.Loop() {
		f := c.Begin(key0, Tracked)
		rec, _ := f.Candidate(opt)
		f.Confirm(Answer{Version: rec.Version})
	}
}

func BenchmarkFill(b *testing.B) {
	c, rec := benched(b, 1), record(1)
	for b.Loop() {
		c.Begin(key0, Tracked).Done(rec)
	}
}

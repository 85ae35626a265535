package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// browser is a session that one browser holds.
type browser struct {
	t    *testing.T
	key  session.Key
	hash session.Hash
	rec  *session.Record
}

// newBrowser starts a session in s whose cookie has come back.
func newBrowser(t *testing.T, s *Store) *browser {
	t.Helper()
	b := &browser{t: t, key: session.Key(randomID())}
	rand.Read(b.hash[:])
	_, err := s.Commit(t.Context(), b.key, session.Change{
		WriteID: randomID(), NotAfter: time.Now().Add(time.Minute), Start: &session.Start{Verifier: b.hash, Idle: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.load(s, session.CacheOff, 0)
	return b
}

func randomID() string {
	var b [12]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (b *browser) load(s *Store, mode session.CacheMode, floor int64) (n int64) {
	b.t.Helper()
	n, err := b.try(b.t.Context(), s, mode, floor)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// try returns the counter.
func (b *browser) try(ctx context.Context, s *Store, mode session.CacheMode, floor int64) (int64, error) {
	rec, err := s.Load(ctx, b.key, session.LoadOptions{Verifiers: []session.Hash{b.hash}, Cache: mode, Floor: floor})
	if err != nil {
		return 0, err
	}
	b.rec = rec
	n, _ := strconv.ParseInt(string(rec.Attributes["n"]), 10, 64) // absent is 0
	return n, nil
}

// add counts and returns the count and the version.
func (b *browser) add(s *Store) (int64, session.Version) {
	b.t.Helper()
	result, err := s.Commit(b.t.Context(), b.key, session.Change{
		WriteID: randomID(), Base: b.rec.Version, Generation: b.rec.Generation, NotAfter: time.Now().Add(time.Minute),
		Ops: []session.Op{{Kind: session.OpAdd, Name: "n", N: 1}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return result.Values[0], result.Version
}

const staleTrials = 3000

func TestOwnWritesAreSeenFromCopies(t *testing.T) {
	server := redistest.Start(t)
	for name, mode := range map[string]session.CacheMode{"validated": session.CacheValidated, "bounded": session.CacheBounded} {
		t.Run(name, func(t *testing.T) {
			s := open(t, server, nil)
			b := newBrowser(t, s)
			for range staleTrials {
				want, _ := b.add(s)
				if got := b.load(s, mode, 0); got != want {
					t.Fatalf("read %d after writing %d", got, want)
				}
				b.load(s, mode, 0)
			}
			if stats := s.Stats(); stats.CacheHits < staleTrials || mode == session.CacheBounded && s.cache.near.Stats().Bounded.Hits < staleTrials/2 {
				t.Errorf("only %d loads of %d were answered from a copy: nothing was tested", stats.CacheHits, 2*staleTrials)
			}
		})
	}
}

func TestWritesElsewhereAreSeenWithTheFloor(t *testing.T) {
	server := redistest.Start(t)
	for name, mode := range map[string]session.CacheMode{"validated": session.CacheValidated, "bounded": session.CacheBounded} {
		t.Run(name, func(t *testing.T) {
			here := open(t, server, nil)
			there := openWith(t, server, here.keys, nil)
			b := newBrowser(t, here)
			for range staleTrials {
				want, version := b.add(here)
				if got := b.load(there, mode, version.N); got != want {
					t.Fatalf("read %d after %d was written elsewhere", got, want)
				}
				b.load(there, mode, version.N)
			}
			// What is told of a write while the next read is on its way costs that
			// copy, so there are fewer than one for each trial.
			if stats := there.Stats(); stats.CacheHits < staleTrials/10 {
				t.Errorf("only %d loads of %d were answered from a copy: nothing was tested", stats.CacheHits, 2*staleTrials)
			}
		})
	}
}

// The control: the client-side cache of the client library, used as it is
// meant to be, does fail in the same harness.
func TestTheHarnessFindsStaleReads(t *testing.T) {
	server := redistest.Start(t)
	writer := bare(t, server)
	reader, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr}, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	stale := 0
	for i := range staleTrials {
		value := fmt.Sprint(i)
		if err := writer.Do(t.Context(), writer.B().Hset().Key("k").FieldValue().FieldValue("n", value).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		got, err := reader.DoCache(t.Context(), reader.B().Hget().Key("k").Field("n").Cache(), time.Minute).ToString()
		if err != nil {
			t.Fatal(err)
		}
		if got != value {
			stale++
		}
	}
	if stale == 0 {
		t.Error("no stale read was found")
	}
	t.Logf("%d of %d reads were stale", stale, staleTrials)
}

// A connection whose peer has vanished brings no invalidations: then copies
// answer until the lease ends, and no longer.
func TestABlackHoleMakesNothingStalerThanTheLease(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr)
	here := open(t, server, nil)
	there, err := New("redis://"+proxy.Addr, Options{Prefix: string(here.keys)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.Close() })
	b := newBrowser(t, here)
	warm(t, b, there)

	proxy.BlackHole()
	want, _ := b.add(here)
	written, last := time.Now(), time.Duration(0)
	stale := 0
	for time.Since(written) < 3*time.Second {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		asked := time.Now()
		n, err := b.try(ctx, there, session.CacheBounded, 0)
		cancel()
		if err == nil && n != want {
			stale, last = stale+1, asked.Sub(written)
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("%d stale answers, the last one to a request %v after the write", stale, last)
	if stale == 0 {
		t.Error("no copy answered while the connection was dead: nothing was tested")
	}
	if last > time.Second {
		t.Errorf("a request %v after the write was answered from before it, the lease is 1s", last)
	}
	proxy.Heal()
	deadline := time.Now().Add(20 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		n, err := b.try(ctx, there, session.CacheBounded, 0)
		cancel()
		if err == nil && n == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the connection was healed: %d, %v; want %d", n, err, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// warm waits until copies answer without asking.
func warm(t *testing.T, b *browser, s *Store) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		before := s.cache.near.Stats().Bounded.Hits
		b.load(s, session.CacheBounded, 0)
		b.load(s, session.CacheBounded, 0)
		if s.cache.near.Stats().Bounded.Hits >= before+2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no copy has answered in 10s")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// After an own write the server must go on telling of the writes of others,
// though it does not tell us of our own.
func TestCopiesStayTrackedAfterOwnWrites(t *testing.T) {
	server := redistest.Start(t)
	here := open(t, server, nil)
	there := openWith(t, server, here.keys, nil)
	b := newBrowser(t, here)
	warm(t, b, here)
	for range 200 {
		b.add(here)
		own := b.load(here, session.CacheBounded, 0)
		want, _ := b.add(there)
		if want != own+1 {
			t.Fatalf("wrote %d elsewhere after %d", want, own)
		}
		written := time.Now()
		for asked := written; b.load(here, session.CacheBounded, 0) != want; asked = time.Now() {
			if late := asked.Sub(written); late > time.Second {
				t.Fatalf("a request %v after the write elsewhere was answered with %d, the lease is 1s", late, own)
			}
		}
	}
}

package near

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// consistent compares what the shards say of themselves with what they hold.
func consistent(t *testing.T, c *Cache) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		var bytes int64
		for at, e := range s.ring {
			bytes += e.cost
			if e.slot != at || s.entries[e.key] != e {
				t.Fatalf("shard %d: the ring and the map differ at %d", i, at)
			}
		}
		if len(s.ring) != len(s.entries) || bytes != s.bytes || bytes > s.limit || len(s.flights) != 0 {
			t.Fatalf("shard %d: %d in the ring, %d in the map, %d bytes counted as %d of %d, %d fills under way",
				i, len(s.ring), len(s.entries), bytes, s.bytes, s.limit, len(s.flights))
		}
	}
}

func TestMemoryStaysWithinItsBound(t *testing.T) {
	c := newCache(t, Options{Bytes: MinBytes})
	for i := range 20_000 {
		filled(c, key(i), record(1))
	}
	consistent(t, c)
	st := c.Stats()
	if st.Bytes > MinBytes || st.Bytes < MinBytes*9/10 {
		t.Errorf("%d bytes, the bound is %d", st.Bytes, MinBytes)
	}
	if st.Evictions != uint64(20_000-st.Entries) {
		t.Errorf("%d evictions, %d entries are left of 20000", st.Evictions, st.Entries)
	}
}

// What is used survives a flood of what is looked at once.
func TestEvictionSparesWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Options{Bytes: MinBytes})
		pinged(c)
		for i := range 50 {
			filled(c, key(i), record(1))
		}
		for i := range 20_000 {
			filled(c, key(1000+i), record(1))
			c.Lookup(key(i%50), bounded())
		}
		left := 0
		for i := range 50 {
			if c.shard(key(i)).entries[key(i)] != nil {
				left++
			}
		}
		if left < 45 {
			t.Errorf("%d of 50 sessions in use are left", left)
		}
		consistent(t, c)
	})
}

func TestExpiredCopiesMakeRoomFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Options{Bytes: MinBytes})
		for i := range 50 {
			rec := record(1)
			rec.Absolute = rec.Now.Add(time.Minute)
			filled(c, key(i), rec)
		}
		time.Sleep(time.Minute)
		for i := range 20_000 {
			filled(c, key(1000+i), record(1))
		}
		for i := range 50 {
			if c.shard(key(i)).entries[key(i)] != nil {
				t.Fatalf("session %d has expired and is still there", i)
			}
		}
	})
}

func TestALargeRecordIsNotKept(t *testing.T) {
	c := newCache(t, Options{Bytes: MinBytes})
	rec := record(1)
	filled(c, key(1), rec)
	rec.Attributes["large"] = make([]byte, MinBytes/shardCount/largest)
	filled(c, key(1), rec)
	if st := c.Stats(); st.Entries != 0 || st.TooLarge != 1 {
		t.Errorf("%+v", st)
	}
	consistent(t, c)
}

// The estimate is what the bound is about, so it must not be far below the
// truth.
func TestTheEstimateIsNearTheTruth(t *testing.T) {
	for name, make := range map[string]func(i int) *session.Record{
		"bare":      func(int) *session.Record { r := record(1); r.Attributes = nil; return r },
		"usual":     func(int) *session.Record { return record(1) },
		"full ring": fullRecord,
	} {
		t.Run(name, func(t *testing.T) {
			const n = 5000
			before := heap()
			c := newCache(t, Options{Bytes: 1 << 30})
			for i := range n {
				filled(c, key(i), make(i))
			}
			truth, estimate := float64(heap()-before)/n, float64(c.Stats().Bytes)/n
			t.Logf("%.0f bytes a session, estimated %.0f", truth, estimate)
			if estimate < 0.75*truth || estimate > 1.5*truth {
				t.Errorf("estimate %.0f bytes, truth %.0f", estimate, truth)
			}
			runtime.KeepAlive(c)
		})
	}
}

// fullRecord has all of the bookkeeping that a record can have.
func fullRecord(i int) *session.Record {
	r := record(1)
	r.Principal = strings.Repeat("p", 20+i%2)
	for w := range session.MaxWrites {
		r.Writes = append(r.Writes, session.Write{ID: strings.Repeat("i", 16+(i+w)%2), Values: []int64{1, 2}})
	}
	for range session.MaxSuperseded {
		r.Superseded = append(r.Superseded, session.Superseded{Fenced: []string{strings.Repeat("n", 8+i%2)}})
	}
	return r
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The race detector watches, and in the end the books are right.
func TestEverythingAtOnce(t *testing.T) {
	c := newCache(t, Options{Bytes: MinBytes, ReadGrace: time.Minute})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g)))
			for range 3000 {
				hammer(c, random)
			}
		})
	}
	wg.Wait()
	consistent(t, c)
	if st := c.Stats(); st.Bounded.Hits == 0 || st.Validated.Hits == 0 || st.Stale.Hits == 0 || st.Poisoned == 0 || st.Evictions == 0 {
		t.Errorf("something was not exercised: %+v", st)
	}
}

// hammer does one thing to one of a few sessions.
func hammer(c *Cache, random *rand.Rand) {
	k := key(random.IntN([]int{20, 5000}[random.IntN(2)]))
	n := random.Int64N(3)
	switch random.IntN(10) {
	case 0:
		c.Wrote(k, record(n).Version, record(n+1), time.Now())
	case 1:
		c.Invalidate([]string{string(k)})
	case 2:
		if random.IntN(50) == 0 {
			c.Flush()
		}
	case 3:
		pinged(c)
	case 4, 5:
		f := c.Begin(k, Tracked)
		if rec, _ := f.Candidate(validated()); rec != nil {
			f.Confirm(Answer{Version: rec.Version, Accessed: time.Now(), Now: time.Now()})
		}
		f.Abort()
	case 6, 7:
		c.Begin(k, Conn(random.IntN(2))).Done(record(n))
	default:
		c.Lookup(k, bounded())
		c.Stale(k, bounded())
	}
}

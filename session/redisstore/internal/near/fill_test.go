package near

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

func validated() session.LoadOptions {
	return session.LoadOptions{Verifiers: []session.Hash{current}}
}

func TestCandidateIsGivenWhereAskingForTheVersionIsEnough(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(rec *session.Record, opt *session.LoadOptions)
		want   string
		touch  bool
	}{
		{"a copy", func(*session.Record, *session.LoadOptions) {}, "hit", false},
		{"bounded that may not be served unasked", func(_ *session.Record, opt *session.LoadOptions) {
			opt.Cache = session.CacheBounded
		}, "hit", false},
		{"access due", func(rec *session.Record, _ *session.LoadOptions) {
			rec.Accessed = rec.Now.Add(-6 * time.Minute)
		}, "hit", true},
		{"access due, but the load is passive", func(rec *session.Record, opt *session.LoadOptions) {
			rec.Accessed, opt.Passive = rec.Now.Add(-6*time.Minute), true
		}, "hit", false},
		{"unconfirmed", func(rec *session.Record, _ *session.LoadOptions) { rec.Accessed = time.Time{} }, "unsettled", false},
		{"superseded verifier that waits to lapse", func(rec *session.Record, _ *session.LoadOptions) {
			rec.Superseded = []session.Superseded{{Open: true}}
		}, "unsettled", false},
		{"floor above", func(_ *session.Record, opt *session.LoadOptions) { opt.Floor = 8 }, "behind", false},
		{"another verifier", func(_ *session.Record, opt *session.LoadOptions) { opt.Verifiers[0] = older }, "verifier", false},
		{"fresh", func(_ *session.Record, opt *session.LoadOptions) { opt.Fresh = true }, "", false},
		{"mode Off", func(_ *session.Record, opt *session.LoadOptions) { opt.Cache = session.CacheOff }, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, rec, opt := newCache(t, Options{}), record(7), validated()
				tc.change(rec, &opt)
				c.Begin(key(1), Plain).Done(rec)
				f := c.Begin(key(1), Plain)
				got, touch := f.Candidate(opt)
				if (got != nil) != (tc.want == "hit") || touch != tc.touch {
					t.Fatalf("candidate %v, touch %v, want %s, %v", got, touch, tc.want, tc.touch)
				}
				f.Confirm(Answer{Version: rec.Version})
				if st := c.Stats().Validated; tc.want == "" && st != (Answers{}) {
					t.Errorf("counted: %+v", st)
				} else if tc.want != "" && reason(t, st) != tc.want {
					t.Errorf("reason %s, want %s", reason(t, st), tc.want)
				}
			})
		})
	}
}

func TestVerdicts(t *testing.T) {
	day := 24 * time.Hour
	for _, tc := range []struct {
		name  string
		idle  time.Duration
		wait  time.Duration // between the copy and the answer
		found session.Version
		want  Verdict
		kept  bool
	}{
		{"same version", time.Hour, 0, session.Version{N: 7, Write: "w7"}, Current, true},
		{"newer", time.Hour, 0, session.Version{N: 8, Write: "w8"}, Changed, false},
		{"older", time.Hour, 0, session.Version{N: 6, Write: "w6"}, RolledBack, false},
		{"same number by another write", time.Hour, 0, session.Version{N: 7, Write: "other"}, RolledBack, false},
		{"absent with life left", time.Hour, 0, session.Version{}, Lost, false},
		{"absent, just before the end of its life", time.Hour, 66*time.Minute - 1, session.Version{}, Changed, false},
		{"absent, a tombstone would still be there", time.Hour, time.Hour - 1, session.Version{}, Lost, false},
		{"absent, a tombstone could have expired", 30 * day, day, session.Version{}, Changed, false},
		{"absent at the end of its life", 20 * time.Second, 22 * time.Second, session.Version{}, Changed, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, whole := range []bool{false, true} {
					if whole && tc.found == (session.Version{}) {
						continue // Done has a record
					}
					c, rec := newCache(t, Options{}), record(7)
					rec.Idle = tc.idle
					c.Begin(key(1), Plain).Done(rec)
					f := c.Begin(key(1), Plain)
					time.Sleep(tc.wait)
					if got := answer(f, tc.found, whole); got != tc.want {
						t.Errorf("verdict %d, want %d (whole: %v)", got, tc.want, whole)
					}
					if n := c.Stats().Entries; !whole && n == 1 != tc.kept {
						t.Errorf("%d entries, kept should be %v", n, tc.kept)
					}
				}
			})
		})
	}
}

// answer ends the fill with the version, or with all of such a record.
func answer(f *Fill, found session.Version, whole bool) Verdict {
	if !whole {
		return f.Confirm(Answer{Version: found})
	}
	rec := record(found.N)
	rec.Version = found
	return f.Done(rec)
}

func TestWithoutACopyNothingIsLost(t *testing.T) {
	c := newCache(t, Options{})
	if v := c.Begin(key(1), Plain).Confirm(Answer{}); v != Changed {
		t.Errorf("no record: verdict %d", v)
	}
	if v := c.Begin(key(1), Plain).Done(record(1)); v != Changed {
		t.Errorf("a record: verdict %d", v)
	}
}

// What a touch has recorded moves the next one and the end of the copy's life.
func TestConfirmTakesTheRecordedAccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Options{})
		filled(c, key(1), record(7))
		time.Sleep(6 * time.Minute)
		f := c.Begin(key(1), Tracked)
		rec, touch := f.Candidate(bounded())
		if rec == nil || !touch {
			t.Fatalf("candidate %v, touch %v", rec, touch)
		}
		now := time.Now()
		if v := f.Confirm(Answer{Version: rec.Version, Accessed: now, Now: now}); v != Current {
			t.Fatalf("verdict %d", v)
		}
		if !rec.Accessed.Equal(now) || !rec.Now.Equal(now) {
			t.Errorf("the caller's copy says %v, %v", rec.Accessed, rec.Now)
		}
		pinged(c)
		if rec := c.Lookup(key(1), bounded()); rec == nil || !rec.Accessed.Equal(now) || !rec.Now.IsZero() {
			t.Fatalf("bounded: %+v", rec)
		}
		time.Sleep(65 * time.Minute) // beyond the copy's first life
		f = c.Begin(key(1), Tracked)
		if rec, touch := f.Candidate(bounded()); rec == nil || !touch {
			t.Errorf("later: candidate %v, touch %v", rec, touch)
		}
	})
}

func TestOnlyTheFirstEndOfAFillCounts(t *testing.T) {
	c := newCache(t, Options{})
	f := c.Begin(key(1), Tracked)
	f.Abort()
	f.Done(record(1))
	f.Confirm(Answer{})
	f.Abort()
	if st := c.Stats(); st.Entries != 0 || st.Poisoned != 0 {
		t.Errorf("after Abort: %+v", st)
	}
	f = c.Begin(key(1), Tracked)
	f.Done(record(2))
	f.Done(record(1))
	f.Confirm(Answer{})
	if e := c.shard(key(1)).entries[key(1)]; e == nil || e.rec.Version.N != 2 {
		t.Errorf("after Done: %+v", e)
	}
	for i := range c.shards {
		if n := len(c.shards[i].flights); n != 0 {
			t.Errorf("%d fills are still under way", n)
		}
	}
}

func TestPoisonedFillsAreCounted(t *testing.T) {
	c := newCache(t, Options{})
	a, b := c.Begin(key(1), Tracked), c.Begin(key(1), Plain)
	c.Forget(key(1))
	later := c.Begin(key(1), Tracked)
	a.Done(record(1))
	b.Confirm(Answer{Version: record(1).Version})
	if st := c.Stats(); st.Poisoned != 2 || st.Entries != 0 {
		t.Errorf("%+v", st)
	}
	later.Done(record(2))
	if st := c.Stats(); st.Poisoned != 2 || st.Entries != 1 {
		t.Errorf("the one begun later: %+v", st)
	}
}

// A slow fill over the plain connection, of which nothing poisons, does not
// replace what a faster one has brought.
func TestAnOlderFillDoesNotReplaceANewerCopy(t *testing.T) {
	c := newCache(t, Options{})
	slow := c.Begin(key(1), Plain)
	filled(c, key(1), record(2))
	slow.Done(record(1))
	if e := c.shard(key(1)).entries[key(1)]; e.rec.Version.N != 2 || e.epoch == 0 {
		t.Errorf("copy of version %d, epoch %d", e.rec.Version.N, e.epoch)
	}
	c.Begin(key(1), Plain).Done(record(2))
	if e := c.shard(key(1)).entries[key(1)]; e.epoch == 0 {
		t.Error("a plain fill of the same version makes the copy untracked")
	}
	if v := c.Begin(key(1), Plain).Done(record(1)); v != RolledBack {
		t.Errorf("verdict %d", v)
	}
	if e := c.shard(key(1)).entries[key(1)]; e.rec.Version.N != 1 {
		t.Errorf("after a rollback the copy is of version %d", e.rec.Version.N)
	}
}

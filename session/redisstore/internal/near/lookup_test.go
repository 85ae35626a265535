package near

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// lookupCases differ from a hit, the first one, in one thing each.
var lookupCases = []struct {
	name   string
	change func(c *Cache, rec *session.Record, opt *session.LoadOptions) // before the copy is made
	then   func(c *Cache)                                                // after it
	want   string                                                        // "" is: not even counted
}{
	{name: "a copy", want: "hit"},
	{name: "superseded verifier presented second", want: "hit",
		change: func(_ *Cache, _ *session.Record, opt *session.LoadOptions) {
			opt.Verifiers = append(opt.Verifiers, older)
		}},
	{name: "floor reached", want: "hit",
		change: func(_ *Cache, _ *session.Record, opt *session.LoadOptions) { opt.Floor = 7 }},
	{name: "access due, but the load is passive", want: "hit",
		change: func(_ *Cache, rec *session.Record, opt *session.LoadOptions) {
			rec.Accessed, opt.Passive = rec.Now.Add(-10*time.Minute), true
		}},
	{name: "superseded verifier that has lapsed", want: "hit",
		change: func(_ *Cache, rec *session.Record, _ *session.LoadOptions) {
			rec.Superseded = []session.Superseded{{Verifier: older, Generation: 1}}
		}},

	{name: "mode Off", change: mode(session.CacheOff)},
	{name: "mode Validated", change: mode(session.CacheValidated)},
	{name: "mode not given", change: mode(session.CacheDefault)},
	{name: "fresh", change: func(_ *Cache, _ *session.Record, opt *session.LoadOptions) { opt.Fresh = true }},

	{name: "invalidated", want: "absent", then: func(c *Cache) { c.Invalidate([]string{string(key(1))}) }},
	{name: "written with unknown outcome", want: "absent", then: func(c *Cache) { c.Forget(key(1)) }},
	{name: "a tombstone", want: "absent",
		change: func(_ *Cache, rec *session.Record, _ *session.LoadOptions) { rec.Gone = session.ReasonSignOut }},
	{name: "no clock of the server", want: "absent",
		change: func(_ *Cache, rec *session.Record, _ *session.LoadOptions) { rec.Now = time.Time{} }},
	{name: "life over", want: "expired", then: func(c *Cache) { time.Sleep(67 * time.Minute); pinged(c) }},
	{name: "floor above", want: "behind",
		change: func(_ *Cache, _ *session.Record, opt *session.LoadOptions) { opt.Floor = 8 }},
	{name: "another verifier", want: "verifier",
		change: func(_ *Cache, _ *session.Record, opt *session.LoadOptions) { opt.Verifiers = []session.Hash{older} }},
	{name: "no verifier", want: "verifier",
		change: func(_ *Cache, _ *session.Record, opt *session.LoadOptions) { opt.Verifiers = nil }},
	{name: "the browser has a newer verifier", want: "verifier",
		change: func(_ *Cache, _ *session.Record, opt *session.LoadOptions) {
			opt.Verifiers = []session.Hash{older, current}
		}},
	{name: "superseded verifier presented", want: "verifier",
		change: func(_ *Cache, rec *session.Record, opt *session.LoadOptions) {
			rec.Superseded, opt.Verifiers = []session.Superseded{{Verifier: older, Open: true}}, []session.Hash{older}
		}},
	{name: "unconfirmed", want: "unsettled",
		change: func(_ *Cache, rec *session.Record, _ *session.LoadOptions) { rec.Accessed = time.Time{} }},
	{name: "superseded verifier that waits to lapse", want: "unsettled",
		change: func(_ *Cache, rec *session.Record, _ *session.LoadOptions) {
			rec.Superseded = []session.Superseded{{}, {Verifier: older, Open: true}}
		}},
	{name: "access due when copied", want: "touch_due",
		change: func(_ *Cache, rec *session.Record, _ *session.LoadOptions) {
			rec.Accessed = rec.Now.Add(-6 * time.Minute)
		}},
	{name: "access due since", want: "touch_due", then: func(c *Cache) { time.Sleep(6 * time.Minute); pinged(c) }},
	{name: "connection lost", want: "untracked", then: func(c *Cache) { c.Invalidate(nil); pinged(c) }},
	{name: "lease over", want: "no_lease", then: func(*Cache) { time.Sleep(time.Second) }},
	{name: "not asked for long", want: "unasked", then: func(c *Cache) { time.Sleep(30 * time.Second); pinged(c) }},
}

func mode(m session.CacheMode) func(*Cache, *session.Record, *session.LoadOptions) {
	return func(_ *Cache, _ *session.Record, opt *session.LoadOptions) { opt.Cache = m }
}

func TestLookupAnswersOnlyWhereNothingForbidsIt(t *testing.T) {
	for _, tc := range lookupCases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, rec, opt := newCache(t, Options{}), record(7), bounded()
				if tc.change != nil {
					tc.change(c, rec, &opt)
				}
				filled(c, key(1), rec)
				pinged(c)
				if tc.then != nil {
					tc.then(c)
				}
				got := c.Lookup(key(1), opt)
				if (got != nil) != (tc.want == "hit") {
					t.Fatalf("answer %v, want %s", got, tc.want)
				}
				if st := c.Stats().Bounded; tc.want == "" && st != (Answers{}) {
					t.Errorf("counted: %+v", st)
				} else if tc.want != "" && reason(t, st) != tc.want {
					t.Errorf("reason %s, want %s", reason(t, st), tc.want)
				}
			})
		})
	}
}

func TestAnswersAreTheCallersOwnAndSayWhatTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, rec := newCache(t, Options{}), record(7)
		rec.Presented, rec.Current = 1, false // of the load that brought it
		filled(c, key(1), rec)
		rec.Principal = "changed by the load that brought it"
		pinged(c)
		for range 2 {
			got := c.Lookup(key(1), bounded())
			if got == nil || !got.Now.IsZero() || got.Presented != 0 || !got.Current || got.Principal != "" {
				t.Fatalf("answer %+v", got)
			}
			if len(got.Attributes) != 8 {
				t.Fatalf("attributes %v", got.Attributes)
			}
			got.Principal, got.Current = "changed by a reader", false
		}
	})
}

// Life counts from before the sending: how long the answer took is not known.
func TestACopyIsNotServedBeyondItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Options{ReadGrace: time.Minute})
		f := c.Begin(key(1), Tracked)
		rec := record(7)
		rec.Absolute = rec.Now.Add(10 * time.Second)
		time.Sleep(4 * time.Second) // until the answer is handled
		f.Done(rec)
		for _, tc := range []struct {
			wait time.Duration
			want bool
		}{{6*time.Second - 1, true}, {1, false}} {
			time.Sleep(tc.wait)
			pinged(c)
			if got := c.Stale(key(1), bounded()); (got != nil) != tc.want {
				t.Errorf("stale: served %v, want %v", got != nil, tc.want)
			}
			f := c.Begin(key(1), Tracked)
			if got, _ := f.Candidate(bounded()); (got != nil) != tc.want {
				t.Errorf("validated: served %v, want %v", got != nil, tc.want)
			}
			f.Abort()
			if got := c.Lookup(key(1), bounded()); (got != nil) != tc.want {
				t.Errorf("bounded: served %v, want %v", got != nil, tc.want)
			}
		}
		if st := c.Stats(); st.Entries != 0 || st.Bytes != 0 {
			t.Errorf("what is over stays: %+v", st)
		}
	})
}

func TestStaleAnswersOnlyWithinTheGrace(t *testing.T) {
	for _, tc := range []struct {
		name  string
		grace time.Duration
		do    func(c *Cache, opt *session.LoadOptions)
		want  string
	}{
		{"at once", time.Minute, func(*Cache, *session.LoadOptions) {}, "hit"},
		{"just within", time.Minute, func(*Cache, *session.LoadOptions) { time.Sleep(time.Minute - 1) }, "hit"},
		{"just beyond", time.Minute, func(*Cache, *session.LoadOptions) { time.Sleep(time.Minute) }, "too_old"},
		{"verified in between", time.Minute, func(c *Cache, _ *session.LoadOptions) {
			time.Sleep(50 * time.Second)
			c.Begin(key(1), Plain).Confirm(Answer{Version: record(7).Version})
			time.Sleep(50 * time.Second)
		}, "hit"},
		{"proven by the lease", time.Minute, func(c *Cache, _ *session.LoadOptions) {
			time.Sleep(50 * time.Second)
			pinged(c)
			time.Sleep(50 * time.Second)
		}, "hit"},
		{"proven by the lease of a connection lost since", time.Minute, func(c *Cache, _ *session.LoadOptions) {
			time.Sleep(50 * time.Second)
			pinged(c)
			time.Sleep(50 * time.Second)
			c.Flush()
			c.Flush()
		}, "hit"},
		{"the lease of another connection proves nothing", time.Minute, func(c *Cache, _ *session.LoadOptions) {
			time.Sleep(30 * time.Second)
			c.Flush()
			pinged(c)
			time.Sleep(30 * time.Second)
		}, "too_old"},
		{"access due", time.Minute, func(c *Cache, _ *session.LoadOptions) { pinged(c) }, "hit"},
		{"browser has seen more", time.Minute, func(_ *Cache, opt *session.LoadOptions) { opt.Floor = 8 }, "behind"},
		{"another verifier", time.Minute, func(_ *Cache, opt *session.LoadOptions) { opt.Verifiers[0] = older }, "verifier"},
		{"invalidated", time.Minute, func(c *Cache, _ *session.LoadOptions) { c.Invalidate([]string{string(key(1))}) }, "absent"},
		{"own write of unknown outcome", time.Minute, func(c *Cache, _ *session.LoadOptions) { c.Forget(key(1)) }, "absent"},
		{"fresh", time.Minute, func(_ *Cache, opt *session.LoadOptions) { opt.Fresh = true }, ""},
		{"mode Off", time.Minute, func(_ *Cache, opt *session.LoadOptions) { opt.Cache = session.CacheOff }, ""},
		{"no grace", 0, func(*Cache, *session.LoadOptions) {}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, opt := newCache(t, Options{ReadGrace: tc.grace}), bounded()
				filled(c, key(1), record(7))
				tc.do(c, &opt)
				got := c.Stale(key(1), opt)
				if (got != nil) != (tc.want == "hit") {
					t.Fatalf("answer %v, want %s", got, tc.want)
				}
				if st := c.Stats().Stale; tc.want != "" && reason(t, st) != tc.want {
					t.Errorf("reason %s, want %s", reason(t, st), tc.want)
				}
			})
		})
	}
}

package near

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// A failover begins with lost connections: if copies went with those, nobody
// would know what the new master does not have.
func TestWhatAFailoverLostIsFoundAfterIt(t *testing.T) {
	for name, tc := range map[string]struct {
		found session.Version
		want  Verdict
	}{
		"nothing":         {session.Version{N: 7, Write: "w7"}, Current},
		"the session":     {session.Version{}, Lost},
		"its last writes": {session.Version{N: 5, Write: "w5"}, RolledBack},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCache(t, Options{})
				filled(c, key(1), record(7))
				c.Invalidate(nil)
				time.Sleep(10 * time.Second)
				f := c.Begin(key(1), Tracked)
				if rec, _ := f.Candidate(bounded()); rec == nil {
					t.Fatal("no candidate")
				}
				if got := f.Confirm(Answer{Version: tc.found}); got != tc.want {
					t.Fatalf("verdict %d, want %d", got, tc.want)
				}
				pinged(c)
				if got := c.Lookup(key(1), bounded()); (got != nil) != (tc.want == Current) {
					t.Errorf("served without asking: %v", got != nil)
				}
			})
		})
	}
}

func TestInvalidationsOfOtherKeysAreNone(t *testing.T) {
	c := newCache(t, Options{KeyOf: func(k string) (session.Key, bool) {
		k, ok := strings.CutPrefix(k, "s:")
		return session.Key(k), ok
	}})
	filled(c, key(1), record(7))
	c.Invalidate([]string{string(key(1)), "e:" + string(key(1)), "s:" + string(key(2)), ""})
	c.Invalidate([]string{})
	if n := c.Stats().Entries; n != 1 {
		t.Fatalf("%d entries after the invalidation of others", n)
	}
	c.Invalidate([]string{"s:" + string(key(2)), "s:" + string(key(1))})
	if n := c.Stats().Entries; n != 0 {
		t.Fatalf("%d entries after its invalidation", n)
	}
}

func TestWriteThroughNeedsACopyOfTheVersionWritten(t *testing.T) {
	for name, tc := range map[string]struct {
		prev session.Version
		next *session.Record
		want int64 // version of the copy, 0 is none
	}{
		"the copy's":                   {session.Version{N: 7, Write: "w7"}, record(8), 8},
		"an older one":                 {session.Version{N: 6, Write: "w6"}, record(7), 0},
		"the same number, other write": {session.Version{N: 7, Write: "other"}, record(8), 0},
		"a tombstone":                  {session.Version{N: 7, Write: "w7"}, &session.Record{Gone: session.ReasonSignOut}, 0},
		"not known":                    {session.Version{N: 7, Write: "w7"}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCache(t, Options{})
				filled(c, key(1), record(7))
				pinged(c)
				if tc.next != nil {
					tc.next.Created, tc.next.Accessed, tc.next.Now = time.Now(), time.Now(), time.Now()
				}
				c.Wrote(key(1), tc.prev, tc.next, time.Now())
				var got int64
				if rec := c.Lookup(key(1), bounded()); rec != nil {
					got = rec.Version.N
				}
				if got != tc.want {
					t.Errorf("copy of version %d, want %d", got, tc.want)
				}
			})
		})
	}
}

func TestPeekShowsWhatAWriteWouldReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, Options{})
		if rec := c.Peek(key(1)); rec != nil {
			t.Errorf("nothing was kept: %+v", rec)
		}
		filled(c, key(1), record(7))
		if rec := c.Peek(key(1)); rec == nil || rec.Version.N != 7 {
			t.Errorf("copy %+v", rec)
		}
		time.Sleep(2 * time.Hour)
		if rec := c.Peek(key(1)); rec != nil {
			t.Errorf("its life is over: %+v", rec)
		}
	})
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range missKinds {
		if name := m.String(); name == "" || seen[name] || strings.ToLower(name) != name {
			t.Errorf("reason %d is %q", m, name)
		}
		seen[m.String()] = true
	}
}

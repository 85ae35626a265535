package index

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// stopClock makes the clock of the records and of the index one that only
// advances when it is told to.
func (w *world) stopClock() (advance func(time.Duration)) {
	now := time.Now().Truncate(time.Millisecond)
	w.now = func() time.Time { return now }
	return func(d time.Duration) { now = now.Add(d) }
}

func (w *world) stopped() *Index { return w.process(Options{Now: w.now}) }

func (w *world) register(ix *Index, key session.Key, c session.Change) int64 {
	w.t.Helper()
	number, err := ix.Register(w.t.Context(), key, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return number
}

// Also where the clock stands still.
func TestEachSignInHasAGreaterNumberThanAllBefore(t *testing.T) {
	w := newWorld(t)
	w.stopClock()
	ix, last := w.stopped(), int64(0)
	for range 10 {
		number := w.register(ix, newKey(), w.signingIn(alice, 0))
		if number <= last {
			t.Errorf("number %d after %d", number, last)
		}
		last = number
	}
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{}); err != nil {
		t.Fatal(err)
	}
	epoch, _ := w.epoch(alice)
	if next := w.register(ix, newKey(), w.signingIn(alice, 0)); epoch.Admits("", last) || !epoch.Admits("", next) {
		t.Errorf("the epoch is %+v, sign-ins before have up to %d, the one after has %d", epoch, last, next)
	}
}

func TestARepeatedRegisterIsOneSignIn(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	first, second := w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0)
	key, c := newKey(), w.signingIn(alice, 2)
	number := w.register(ix, key, c)
	c.NotAfter = c.NotAfter.Add(time.Minute)
	if again := w.register(w.process(Options{}), key, c); again != number {
		t.Errorf("number %d, then %d", number, again)
	}
	e := w.entries(alice)[key]
	if len(e.attempts) != 1 || e.deadline().Before(c.NotAfter) {
		t.Errorf("the entry is %+v, its deadline should be %v", e, c.NotAfter)
	}
	if w.record(first).Gone != session.ReasonEvicted || w.record(second).Gone != "" {
		t.Error("not the first one alone was evicted")
	}
}

func TestTheOnesSignedInFirstAreEvicted(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	others := w.signedIn(ix, bob, 1)
	a, b, c := w.signedIn(ix, alice, 3), w.signedIn(ix, alice, 3), w.signedIn(ix, alice, 3)
	if err := w.signIn(t.Context(), ix, a, w.again(a, alice, 3), w.commit); err != nil {
		t.Fatal(err)
	}
	expect := func(want ...session.Key) {
		t.Helper()
		list, err := ix.Sessions(t.Context(), alice)
		if got := keysOf(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("sessions are %v, %v, want %v", got, err, want)
		}
	}
	expect(b, c, a)
	d := w.signedIn(ix, alice, 3)
	expect(c, a, d)
	e := w.signedIn(ix, alice, 1)
	expect(e)
	for _, key := range []session.Key{a, b, c, d} {
		if rec := w.record(key); rec.Gone != session.ReasonEvicted {
			t.Errorf("the reason is %q", rec.Gone)
		}
	}
	if n := len(w.entries(alice)); n != 1 || !w.usable(bob)[others] {
		t.Errorf("%d entries are left; the other principal's session can be used: %v", n, w.usable(bob)[others])
	}
}

func TestRefusedSignInsLeaveNothingBehind(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	a, b := w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0)
	before := w.entries(alice)
	c := w.signingIn(alice, 2)
	c.SignIn.Refuse = true
	if _, err := ix.Register(t.Context(), newKey(), c); !errors.Is(err, session.ErrTooMany) {
		t.Errorf("got %v, want ErrTooMany", err)
	}
	after := w.entries(alice)
	if len(after) != 2 || after[a].raw != before[a].raw || after[b].raw != before[b].raw || len(w.usable(alice)) != 2 {
		t.Errorf("the index was %+v and is %+v", before, after)
	}
	again := w.again(a, alice, 2)
	again.SignIn.Refuse = true
	if err := w.signIn(t.Context(), ix, a, again, w.commit); err != nil {
		t.Errorf("one of the two signs in again: %v", err)
	}
}

// Whatever has ended makes room.
func TestWhatHasEndedDoesNotCount(t *testing.T) {
	w := newWorld(t)
	advance := w.stopClock()
	ix := w.stopped()
	ends := map[string]func(session.Key){
		"signed out": func(key session.Key) {
			rec := w.record(key)
			c := session.Change{WriteID: "out", NotAfter: w.now().Add(time.Minute), Generation: rec.Generation, Invalidate: session.ReasonSignOut}
			if err := w.commit(key, c); err != nil {
				t.Fatal(err)
			}
		},
		"lost":    func(key session.Key) { delete(w.records, key) },
		"expired": func(key session.Key) { w.records[key].Absolute = w.now() },
		"another": func(key session.Key) { w.records[key].Principal = bob },
		"nobody":  func(key session.Key) { w.records[key].Principal = "" },
	}
	for name, end := range ends {
		p := w.somebody()
		ended, kept := w.signedIn(ix, p, 0), w.signedIn(ix, p, 0)
		advance(2 * time.Minute)
		w.records[ended].Accessed, w.records[kept].Accessed = w.now(), w.now()
		end(ended)
		c := w.signingIn(p, 2)
		c.SignIn.Refuse = true
		key := newKey()
		if err := w.signIn(t.Context(), ix, key, c, w.commit); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if entries := w.entries(p); len(entries) != 2 || entries[ended].raw != "" {
			t.Errorf("%s: the index is %+v", name, entries)
		}
	}
}

// A process that dies between Register and the commit blocks a place until the
// deadline, and no longer.
func TestAPendingSignInCountsUntilItsDeadline(t *testing.T) {
	w := newWorld(t)
	advance := w.stopClock()
	ix := w.stopped()
	key, c := newKey(), w.signingIn(alice, 1)
	w.register(ix, key, c)
	second := func() error {
		d := w.signingIn(alice, 1)
		d.SignIn.Refuse = true
		_, err := ix.Register(t.Context(), newKey(), d)
		return err
	}
	advance(time.Minute - time.Millisecond)
	if err := second(); !errors.Is(err, session.ErrTooMany) {
		t.Errorf("before the deadline: %v, want ErrTooMany", err)
	}
	advance(time.Millisecond)
	if err := second(); err != nil {
		t.Errorf("at the deadline: %v", err)
	}
	if err := w.commit(key, c); !errors.As(err, new(session.ErrLate)) {
		t.Errorf("its commit at the deadline: %v", err)
	}
}

// Times that no clock will show break nothing.
func TestTimesAreBounded(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	far := time.Unix(1<<60, 0)
	c := w.signingIn(alice, 0)
	c.NotAfter, c.SignIn.Absolute = far, far
	w.register(ix, newKey(), c)
	if list, err := ix.Sessions(t.Context(), alice); err != nil || len(list) != 0 || len(w.entries(alice)) != 1 {
		t.Errorf("listed are %v, %v, the index is %+v", list, err, w.entries(alice))
	}
	for _, past := range []time.Time{{}, time.Unix(-1<<60, 0)} {
		c.NotAfter = past
		if _, err := ix.Register(t.Context(), newKey(), c); !errors.As(err, new(session.ErrLate)) {
			t.Errorf("not after %v: %v", past, err)
		}
	}
	c = w.signingIn(alice, 0)
	c.SignIn.Absolute = time.Unix(-1<<60, 0)
	w.register(ix, newKey(), c)
}

func TestALateRegisterDoesNothing(t *testing.T) {
	w := newWorld(t)
	advance := w.stopClock()
	ix := w.stopped()
	kept, c := w.signedIn(ix, alice, 1), w.signingIn(alice, 1)
	advance(time.Minute + time.Second)
	w.records[kept].Accessed = w.now()
	var late session.ErrLate
	if _, err := ix.Register(t.Context(), newKey(), c); !errors.As(err, &late) || late.Now.UnixMilli() != w.now().UnixMilli() {
		t.Errorf("got %v at %v", err, late.Now)
	}
	if !w.usable(alice)[kept] || len(w.entries(alice)) != 1 {
		t.Errorf("the index is %+v", w.entries(alice))
	}
}

// A refused sign-in of a session that was the principal's before leaves it so.
func TestUnregisterLeavesTheSignInBefore(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	key := w.signedIn(ix, alice, 0)
	before := w.entries(alice)[key]
	c, other := w.again(key, alice, 0), w.again(key, alice, 0)
	w.register(ix, key, c)
	for name, take := range map[string]session.Change{"another": other, "it": c, "it again": c} {
		if err := ix.Unregister(t.Context(), key, take); err != nil {
			t.Errorf("take back %s: %v", name, err)
		}
	}
	if after := w.entries(alice)[key]; after.raw != before.raw {
		t.Errorf("the entry was %q and is %q", before.raw, after.raw)
	}
	if list, err := ix.Sessions(t.Context(), alice); err != nil || len(list) != 1 || list[0].Device != before.newest().device {
		t.Errorf("listed are %+v, %v", list, err)
	}
}

// A session that signs in again and again does not make its entry grow.
func TestOldSignInsOfASessionAreForgotten(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	key := w.signedIn(ix, alice, 0)
	for range 40 {
		if err := w.signIn(t.Context(), ix, key, w.again(key, alice, 0), w.commit); err != nil {
			t.Fatal(err)
		}
	}
	// Those that could still come are kept.
	if n := len(w.entries(alice)[key].attempts); n > 41 {
		t.Errorf("%d sign-ins", n)
	}
	w.now = func() time.Time { return time.Now().Add(90 * time.Second) } // the records' clock: all deadlines but the next one's are over
	for range 2 {
		if err := w.signIn(t.Context(), ix, key, w.again(key, alice, 0), w.commit); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.entries(alice)[key].attempts); n > 5 {
		t.Errorf("%d sign-ins are remembered", n)
	}
}

func TestADeviceIsAnyBytes(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	for _, device := range []string{"", "1:1", "\x00\xff\n", strings.Repeat("ü", session.MaxDeviceBytes/2)} {
		p, key := w.somebody(), newKey()
		c := w.signingIn(p, 0)
		c.SignIn.Device = device
		if err := w.signIn(t.Context(), ix, key, c, w.commit); err != nil {
			t.Fatal(err)
		}
		w.signedIn(ix, p, 2)
		w.signedIn(ix, p, 3)
		if list, err := ix.Sessions(t.Context(), p); err != nil || len(list) != 3 || list[0].Device != device {
			t.Errorf("device %q: listed are %+v, %v", device, list, err)
		}
	}
	c := w.signingIn(alice, 0)
	c.SignIn.Device = strings.Repeat("x", session.MaxDeviceBytes+1)
	if _, err := ix.Register(t.Context(), newKey(), c); !errors.Is(err, session.ErrLimit) {
		t.Errorf("one byte too many: %v, want ErrLimit", err)
	}
}

func TestMalformedSignInsAreRefused(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	for name, spoil := range map[string]func(*session.Key, *session.Change){
		"key":          func(k *session.Key, _ *session.Change) { *k = "with space 123456" },
		"no sign-in":   func(_ *session.Key, c *session.Change) { c.SignIn = nil },
		"no principal": func(_ *session.Key, c *session.Change) { c.SignIn.Principal = "" },
		"no write ID":  func(_ *session.Key, c *session.Change) { c.WriteID = "" },
		"bound":        func(_ *session.Key, c *session.Change) { c.SignIn.MaxSessions = -1 },
	} {
		key, c := newKey(), w.signingIn(alice, 0)
		spoil(&key, &c)
		if _, err := ix.Register(t.Context(), key, c); !errors.Is(err, session.ErrMalformed) {
			t.Errorf("register with a bad %s: %v", name, err)
		}
		if err := ix.Unregister(t.Context(), key, c); !errors.Is(err, session.ErrMalformed) {
			t.Errorf("unregister with a bad %s: %v", name, err)
		}
	}
	if n := len(w.entries(alice)); n != 0 {
		t.Errorf("%d entries", n)
	}
}

func TestTheKeysOutliveTheSessions(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	lives := func() (list [2]time.Duration) {
		index, epoch := Keys(prefix, alice)
		for i, key := range []string{index, epoch} {
			ms, err := w.do(func(c rueidis.Client) rueidis.Completed { return c.B().Pttl().Key(key).Build() }).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			list[i] = time.Duration(ms) * time.Millisecond
		}
		return list
	}
	signIn := func(absolute time.Duration) {
		c := w.signingIn(alice, 0)
		c.SignIn.Absolute, c.Start.Absolute = w.now().Add(absolute), time.Time{}
		if absolute == 0 {
			c.SignIn.Absolute = time.Time{}
		}
		w.register(ix, newKey(), c)
	}
	within := func(when string, least time.Duration) {
		t.Helper()
		for i, life := range lives() {
			if life < least-time.Minute || life > least+time.Second {
				t.Errorf("%s: key %d lives for %v, want %v", when, i, life, least)
			}
		}
	}
	signIn(24 * time.Hour)
	within("after a day's sign-in", 25*time.Hour)
	signIn(time.Hour)
	within("a shorter one later", 25*time.Hour)
	signIn(48 * time.Hour)
	within("a longer one", 49*time.Hour)
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{Only: newKey()}); err != nil {
		t.Fatal(err)
	}
	within("a revocation", 49*time.Hour)
	signIn(0)
	signIn(time.Hour)
	if got := lives(); got != [2]time.Duration{-time.Millisecond, -time.Millisecond} {
		t.Errorf("after one without a limit: %v, want no expiry", got)
	}
}

// A sign-in of a session that has ended evicts nobody.
func TestNobodyIsEvictedForASessionThatHasEnded(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	ended := w.signedIn(ix, alice, 1)
	c := w.again(ended, alice, 1)
	kept := w.signedIn(ix, alice, 1)
	err := w.signIn(t.Context(), ix, ended, c, w.commit)
	if !errors.Is(err, session.ErrGone{Reason: session.ReasonEvicted}) {
		t.Errorf("got %v", err)
	}
	w.mu.Lock()
	delete(w.records, ended)
	others := newKey()
	w.records[others] = &session.Record{Format: session.Format, Principal: bob, Created: w.now(), Idle: time.Hour}
	w.mu.Unlock()
	if _, err := ix.Register(t.Context(), ended, c); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("of a session that is not there: %v", err)
	}
	if _, err := ix.Register(t.Context(), others, c); !errors.Is(err, session.ErrPrincipal) {
		t.Errorf("of another's session: %v", err)
	}
	if !w.usable(alice)[kept] || len(w.entries(alice)) != 1 {
		t.Errorf("%v can be used, the index is %+v", w.usable(alice), w.entries(alice))
	}
}

// A repeated sign-in that has been applied evicts nobody either.
func TestNobodyIsEvictedForASignInThatHasBeenApplied(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	key, c := newKey(), w.signingIn(alice, 1)
	if err := w.signIn(t.Context(), ix, key, c, w.commit); err != nil {
		t.Fatal(err)
	}
	later := w.signedIn(ix, alice, 0)
	c.Retry = true
	if number := w.register(ix, key, c); number != w.record(key).Epoch {
		t.Errorf("number %d, the session has %d", number, w.record(key).Epoch)
	}
	if !w.usable(alice)[later] {
		t.Error("the later one was evicted")
	}
}

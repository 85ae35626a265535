package index

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

func TestRevokeEndsWhatItIsToEnd(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	for name, c := range map[string]struct {
		revoke func(a, b, c session.Key) session.Revocation
		ended  [3]bool
		reason session.Reason
	}{
		"all":         {func(_, _, _ session.Key) session.Revocation { return session.Revocation{} }, [3]bool{true, true, true}, session.ReasonRevoked},
		"all but one": {func(_, b, _ session.Key) session.Revocation { return session.Revocation{Except: b} }, [3]bool{true, false, true}, session.ReasonRevoked},
		"one": {func(_, b, _ session.Key) session.Revocation {
			return session.Revocation{Only: b, Reason: "by hand: 1:1"}
		}, [3]bool{false, true, false}, "by hand: 1:1"},
		"all but another's": {func(_, _, _ session.Key) session.Revocation {
			return session.Revocation{Except: newKey(), Reason: "a\x00\nb "}
		}, [3]bool{true, true, true}, "a\x00\nb "},
		"not the principal's": {func(_, _, _ session.Key) session.Revocation { return session.Revocation{Only: newKey()} }, [3]bool{}, ""},
		"no key":              {func(_, _, _ session.Key) session.Revocation { return session.Revocation{Only: "- 0 x"} }, [3]bool{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, other := w.somebody(), w.somebody()
			keys := [3]session.Key{w.signedIn(ix, p, 0), w.signedIn(ix, p, 0), w.signedIn(ix, p, 0)}
			others := w.signedIn(ix, other, 0)
			want := 0
			for _, ended := range c.ended {
				want += count(ended)
			}
			r := c.revoke(keys[0], keys[1], keys[2])
			if n, err := ix.Revoke(t.Context(), p, r); n != want || err != nil {
				t.Errorf("%d were ended, %v, want %d", n, err, want)
			}
			for i, key := range keys {
				if rec := w.record(key); (rec.Gone != "") != c.ended[i] || c.ended[i] && rec.Gone != c.reason || w.usable(p)[key] == c.ended[i] {
					t.Errorf("session %d: reason %q, usable %v", i, rec.Gone, w.usable(p)[key])
				}
			}
			if n := len(w.entries(p)); n != 3-want || !w.usable(other)[others] {
				t.Errorf("%d entries are left; the other principal's can be used: %v", n, w.usable(other)[others])
			}
			if n, err := ix.Revoke(t.Context(), p, r); n != 0 || err != nil {
				t.Errorf("again: %d were ended, %v", n, err)
			}
			fresh := w.signedIn(ix, p, 0)
			if !w.usable(p)[fresh] {
				t.Error("a later sign-in cannot be used")
			}
		})
	}
}

func TestMalformedRevocationsAreRefused(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	key := w.signedIn(ix, alice, 0)
	for _, r := range []session.Revocation{{Only: key, Except: key}, {Except: "x"}, {Except: "1 2 3 4 5 6 7 8 "}} {
		if _, err := ix.Revoke(t.Context(), alice, r); !errors.Is(err, session.ErrMalformed) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := ix.Revoke(t.Context(), "", session.Revocation{}); !errors.Is(err, session.ErrMalformed) {
		t.Errorf("nobody's: %v", err)
	}
	if _, err := ix.Sessions(t.Context(), ""); !errors.Is(err, session.ErrMalformed) {
		t.Errorf("list nobody's: %v", err)
	}
	if !w.usable(alice)[key] {
		t.Error("the session was ended")
	}
}

// A session that the index has lost is refused from the revocation on, and one
// that is excepted is not.
func TestRevokeReachesWhatTheIndexHasLost(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	kept, lost := w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0)
	index, _ := Keys(prefix, alice)
	w.command("DEL", index)
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{Except: kept}); err != nil {
		t.Fatal(err)
	}
	if usable := w.usable(alice); usable[lost] || !usable[kept] {
		t.Errorf("all but one: %v can be used, only %s should", usable, kept)
	}
	w.command("DEL", index)
	if n, err := ix.Revoke(t.Context(), alice, session.Revocation{Only: kept}); n != 1 || err != nil || w.record(kept).Gone == "" {
		t.Errorf("one: %d were ended, %v", n, err)
	}
}

// To except a session that has been revoked brings it back no more than
// anything else.
func TestAnExceptionBringsNothingBack(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	for name, r := range map[string]func(key session.Key) session.Revocation{
		"all":              func(session.Key) session.Revocation { return session.Revocation{} },
		"all but another":  func(session.Key) session.Revocation { return session.Revocation{Except: newKey()} },
		"one":              func(key session.Key) session.Revocation { return session.Revocation{Only: key} },
		"excepted, by all": nil,
	} {
		p := w.somebody()
		key := w.signedIn(ix, p, 0)
		w.breakServerOf(key, errDown) // the first revocation does not reach it
		if r == nil {
			if _, err := ix.Revoke(t.Context(), p, session.Revocation{Except: key}); err != nil {
				t.Fatal(err)
			}
			r = func(session.Key) session.Revocation { return session.Revocation{} }
		}
		if _, err := ix.Revoke(t.Context(), p, r(key)); !errors.Is(err, errDown) {
			t.Fatalf("%s: %v", name, err)
		}
		for range 2 {
			if _, err := ix.Revoke(t.Context(), p, session.Revocation{Except: key}); !errors.Is(err, errDown) {
				t.Errorf("%s, then all but it: %v", name, err)
			}
		}
		if name != "one" && w.usable(p)[key] {
			t.Errorf("%s: it can be used again", name)
		}
		w.breakServerOf(key, nil)
		if _, err := ix.Sessions(t.Context(), p); err != nil || w.record(key).Gone == "" {
			t.Errorf("%s: after the server is back it is no tombstone; %v", name, err)
		}
	}
}

// An exception holds through later ones for the same session.
func TestAnExceptionLasts(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	kept := w.signedIn(ix, alice, 0)
	for range 3 {
		ended := w.signedIn(ix, alice, 0)
		if n, err := ix.Revoke(t.Context(), alice, session.Revocation{Except: kept}); n != 1 || err != nil {
			t.Errorf("%d were ended, %v", n, err)
		}
		if usable := w.usable(alice); !usable[kept] || usable[ended] {
			t.Errorf("%v can be used", usable)
		}
	}
	list, err := ix.Sessions(t.Context(), alice)
	if err != nil || len(list) != 1 || list[0].Key != kept {
		t.Errorf("listed are %v, %v", list, err)
	}
}

// What a doomed sign-in on its way finds, by what its session is by then.
func TestASignInOnItsWayCanBeRevoked(t *testing.T) {
	w := newWorld(t)
	advance := w.stopClock()
	ix := w.stopped()
	start := func() (session.Key, session.Change) { return newKey(), w.signingIn(alice, 0) }
	login := func() (session.Key, session.Change) {
		key := w.anonymous()
		return key, w.again(key, alice, 0)
	}
	for name, c := range map[string]struct {
		begin func() (session.Key, session.Change)
		late  bool // the revocation comes after the deadline
		want  func(rec *session.Record, err error) bool
	}{
		"a start": {start, false, func(rec *session.Record, err error) bool {
			return rec.Gone == session.ReasonRevoked && errors.Is(err, session.ErrExists)
		}},
		"a login": {login, false, func(rec *session.Record, err error) bool {
			return rec.Gone == session.ReasonRevoked && errors.Is(err, session.ErrGone{Reason: session.ReasonRevoked})
		}},
		"a start, too late": {start, true, func(rec *session.Record, err error) bool {
			return rec == nil && errors.As(err, new(session.ErrLate))
		}},
		"a login, too late": {login, true, func(rec *session.Record, err error) bool {
			return rec.Gone == "" && rec.Principal == "" && errors.As(err, new(session.ErrLate))
		}},
	} {
		key, change := c.begin()
		number := w.register(ix, key, change)
		if c.late {
			advance(time.Minute)
			if rec := w.records[key]; rec != nil {
				rec.Accessed = w.now()
			}
		}
		if n, err := ix.Revoke(t.Context(), alice, session.Revocation{}); n != 0 || err != nil {
			t.Errorf("%s: %d were ended, %v", name, n, err)
		}
		in := *change.SignIn
		in.Epoch, change.SignIn = number, &in
		if err := w.commit(key, change); !c.want(w.record(key), err) {
			t.Errorf("%s: the commit said %v, the record is %+v", name, err, w.record(key))
		}
		if n := len(w.entries(alice)); n != 0 {
			t.Errorf("%s: %d entries", name, n)
		}
	}
}

// A revoker that has stopped for long ends nothing that was signed in since.
func TestALateDestroyEndsNothingThatWasSignedInSince(t *testing.T) {
	w := newWorld(t)
	advance := w.stopClock()
	ix := w.stopped()
	key := w.anonymous()
	w.register(ix, key, w.again(key, alice, 0)) // never committed
	var held *entry
	for _, e := range w.entries(alice) {
		held = &e
	}
	advance(time.Minute)
	w.records[key].Accessed = w.now()
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{Only: key}); err != nil {
		t.Fatal(err)
	}
	if err := w.signIn(t.Context(), ix, key, w.again(key, alice, 0), w.commit); err != nil {
		t.Fatal(err)
	}
	if f := ix.finish(t.Context(), alice, Epoch{}, []entry{held.marked("late")}); len(f.ended) != 0 || f.left != 0 {
		t.Errorf("it has ended %v, %v", f.ended, f.err())
	}
	if !w.usable(alice)[key] || len(w.entries(alice)) != 1 {
		t.Errorf("%v can be used, the index is %+v", w.usable(alice), w.entries(alice))
	}
}

// The principal's name is nowhere in the keys, and the two are in one slot.
func TestKeysHideThePrincipal(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.process(Options{}), alice, 0)
	keys, err := w.do(func(c rueidis.Client) rueidis.Completed { return c.B().Keys().Pattern("*").Build() }).AsStrSlice()
	index, epoch := Keys(prefix, alice)
	if err != nil || len(keys) != 2 || index != "{"+prefix+"u:_42YGfwOEr8NJIkuRZh-JJoo3Og2qFytYOKOqqjG2XY}i" {
		t.Errorf("keys are %q, %v", keys, err)
	}
	if index[:len(index)-1] != epoch[:len(epoch)-1] {
		t.Errorf("%s and %s have different hash tags", index, epoch)
	}
}

// Between the raise and the end of a revocation of many, nothing that it is to
// end is listed or counts.
func TestADoomedSessionIsNeitherListedNorCounted(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	for range 3 {
		key := w.signedIn(ix, alice, 0)
		w.breakServerOf(key, errDown)
	}
	if err := ix.raise(context.Background(), alice, "", "gone"); err != nil {
		t.Fatal(err)
	}
	if list, err := ix.Sessions(t.Context(), alice); err != nil || len(list) != 0 {
		t.Errorf("listed are %v, %v", list, err)
	}
	c := w.signingIn(alice, 1)
	key := newKey()
	if err := w.signIn(t.Context(), ix, key, c, w.commit); err != nil || fmt.Sprint(keysSet(w.usable(alice))) != fmt.Sprint([]session.Key{key}) {
		t.Errorf("a sign-in: %v, %v can be used", err, w.usable(alice))
	}
}

func keysSet(set map[session.Key]bool) (keys []session.Key) {
	for key := range set {
		keys = append(keys, key)
	}
	return keys
}

package index

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

func (w *world) breakServerOf(key session.Key, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[key] = err
}

// A sign-in that evicts is not held up by a victim that cannot be reached. It
// stays doomed, and the next call ends it.
func TestAnUnreachableVictimStaysDoomed(t *testing.T) {
	w := newWorld(t)
	var left atomic.Int64
	ix := w.process(Options{Hook: func(e link.Event) {
		if e.Kind == VictimsLeft {
			left.Add(e.Count)
		}
	}})
	for name, call := range map[string]func(p string) error{
		"sign-in": func(p string) error { return w.signIn(t.Context(), ix, newKey(), w.signingIn(p, 1), w.commit) },
		"list":    func(p string) error { _, err := ix.Sessions(t.Context(), p); return err },
		"revocation": func(p string) error {
			_, err := ix.Revoke(t.Context(), p, session.Revocation{Only: newKey()})
			return err
		},
	} {
		p := w.somebody()
		victim := w.signedIn(ix, p, 1)
		w.breakServerOf(victim, errDown)
		left.Store(0)
		w.signedIn(ix, p, 1)
		if e := w.entries(p)[victim]; e.mark != session.ReasonEvicted || left.Load() != 1 {
			t.Errorf("the entry is %+v, %d victims were reported", e, left.Load())
		}
		if list, err := ix.Sessions(t.Context(), p); err != nil || len(list) != 1 || list[0].Key == victim {
			t.Errorf("while it is down: listed are %+v, %v", list, err)
		}
		w.breakServerOf(victim, nil)
		if err := call(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if rec := w.record(victim); rec.Gone != session.ReasonEvicted || len(w.entries(p)) != 1 {
			t.Errorf("%s: the victim is %+v, the index %+v", name, rec, w.entries(p))
		}
	}
}

// With Refuse a session that may still be there counts.
func TestRefuseCountsWhatCannotBeReached(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	kept, victim := w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0)
	w.breakServerOf(victim, errDown)
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{Only: victim}); !errors.Is(err, errDown) {
		t.Fatalf("revoke: %v", err)
	}
	sign := func(most int) error {
		c := w.signingIn(alice, most)
		c.SignIn.Refuse = true
		return w.signIn(t.Context(), ix, newKey(), c, w.commit)
	}
	if err := sign(2); !errors.Is(err, errDown) || errors.Is(err, session.ErrTooMany) {
		t.Errorf("a third one beside two: %v", err)
	}
	if n := len(w.entries(alice)); n != 2 {
		t.Errorf("%d entries are left, not two", n)
	}
	if err := sign(3); err != nil {
		t.Errorf("where three are allowed: %v", err)
	}
	w.breakServerOf(victim, nil)
	if err := sign(3); err != nil {
		t.Errorf("when the server is back: %v", err)
	}
	if !w.usable(alice)[kept] || len(w.usable(alice)) != 3 {
		t.Errorf("%v can be used", w.usable(alice))
	}
}

// What a record is cannot be known where its server is down: it counts.
func TestARecordThatCannotBeReadCounts(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	key := w.signedIn(ix, alice, 0)
	w.breakServerOf(key, session.ErrFormat)
	c := w.signingIn(alice, 1)
	c.SignIn.Refuse = true
	if _, err := ix.Register(t.Context(), newKey(), c); !errors.Is(err, session.ErrTooMany) {
		t.Errorf("got %v, want ErrTooMany", err)
	}
	if list, err := ix.Sessions(t.Context(), alice); !errors.Is(err, session.ErrFormat) || list != nil {
		t.Errorf("listed are %v, %v", list, err)
	}
	if len(w.entries(alice)) != 1 {
		t.Error("its entry was removed")
	}
}

// hanging are records of which some do not answer.
type hanging struct {
	Records
	key session.Key
}

func (h hanging) Look(ctx context.Context, key session.Key) (*session.Record, time.Time, error) {
	if key == h.key {
		<-ctx.Done()
		return nil, time.Time{}, ctx.Err()
	}
	return h.Records.Look(ctx, key)
}

func (h hanging) Destroy(ctx context.Context, key session.Key, v Victim) (bool, error) {
	if key == h.key {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return h.Records.Destroy(ctx, key, v)
}

// A server that hangs does not use up the time that the commit needs.
func TestAHangingVictimLeavesTimeForTheCommit(t *testing.T) {
	w := newWorld(t)
	victim := w.signedIn(w.process(Options{}), alice, 1)
	ix := New(w.link, hanging{w, victim}, Options{Prefix: prefix})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := ix.Register(ctx, newKey(), w.signingIn(alice, 1)); err != nil || ctx.Err() != nil {
		t.Errorf("registered: %v, and the time is up: %v", err, ctx.Err())
	}
}

// One node that is down keeps nobody from ending the other sessions.
func TestARevocationGoesOnWhereItCan(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	var all []session.Key
	for range 5 {
		all = append(all, w.signedIn(ix, alice, 0))
	}
	w.breakServerOf(all[2], errDown)
	n, err := ix.Revoke(t.Context(), alice, session.Revocation{Reason: "stolen"})
	if n != 4 || !errors.Is(err, errDown) {
		t.Errorf("%d were ended, %v", n, err)
	}
	if len(w.usable(alice)) != 0 {
		t.Errorf("%v can be used: the epoch should refuse it", w.usable(alice))
	}
	w.breakServerOf(all[2], nil)
	if n, err = w.process(Options{}).Revoke(t.Context(), alice, session.Revocation{Reason: "stolen"}); n != 1 || err != nil {
		t.Errorf("again: %d were ended, %v", n, err)
	}
	for _, key := range all {
		if rec := w.record(key); rec.Gone != "stolen" {
			t.Errorf("the reason is %q", rec.Gone)
		}
	}
}

// An entry of a newer version is not understood, so it is left alone.
func TestAnEntryOfANewerVersionIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	newer, known := w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0)
	index, _ := Keys(prefix, alice)
	w.command("HSET", index, string(newer), "1:2")
	if _, err := ix.Register(t.Context(), newKey(), w.signingIn(alice, 1)); !errors.Is(err, session.ErrFormat) {
		t.Errorf("register: %v", err)
	}
	if _, err := ix.Register(t.Context(), newer, w.again(newer, alice, 0)); !errors.Is(err, session.ErrFormat) {
		t.Errorf("register it: %v", err)
	}
	if err := ix.Unregister(t.Context(), newer, w.again(newer, alice, 0)); !errors.Is(err, session.ErrFormat) {
		t.Errorf("unregister it: %v", err)
	}
	if _, err := ix.Sessions(t.Context(), alice); !errors.Is(err, session.ErrFormat) {
		t.Errorf("list: %v", err)
	}
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{Only: newer}); !errors.Is(err, session.ErrFormat) {
		t.Errorf("revoke it: %v", err)
	}
	if !w.usable(alice)[newer] || !w.usable(alice)[known] {
		t.Errorf("%v can be used", w.usable(alice))
	}
	if n, err := ix.Revoke(t.Context(), alice, session.Revocation{}); n != 1 || !errors.Is(err, session.ErrFormat) {
		t.Errorf("revoke all: %d, %v", n, err)
	}
	if len(w.usable(alice)) != 0 || w.record(newer).Gone != "" || w.record(known).Gone == "" {
		t.Error("revoked all: the known one should be a tombstone, the other refused by the epoch")
	}
	_, epoch := Keys(prefix, alice)
	w.command("SET", epoch, "9")
	for name, call := range map[string]func() error{
		"register": func() error { _, err := ix.Register(t.Context(), newKey(), w.signingIn(alice, 0)); return err },
		"list":     func() error { _, err := ix.Sessions(t.Context(), alice); return err },
		"revoke":   func() error { _, err := ix.Revoke(t.Context(), alice, session.Revocation{}); return err },
	} {
		if err := call(); !errors.Is(err, session.ErrFormat) {
			t.Errorf("%s under an epoch of another form: %v", name, err)
		}
	}
}

func TestWithoutTheIndexNothingIsSaid(t *testing.T) {
	w := newWorld(t)
	ix := New(broken{}, w, Options{Prefix: prefix})
	if _, err := ix.Register(t.Context(), newKey(), w.signingIn(alice, 0)); !errors.Is(err, errDown) {
		t.Errorf("register: %v", err)
	}
	if err := ix.Unregister(t.Context(), newKey(), w.signingIn(alice, 0)); !errors.Is(err, errDown) {
		t.Errorf("unregister: %v", err)
	}
	if _, err := ix.Sessions(t.Context(), alice); !errors.Is(err, errDown) {
		t.Errorf("list: %v", err)
	}
	for _, r := range []session.Revocation{{}, {Only: newKey()}, {Except: newKey()}} {
		if _, err := ix.Revoke(t.Context(), alice, r); !errors.Is(err, errDown) {
			t.Errorf("revoke: %v", err)
		}
	}
	if _, err := ix.Restore(t.Context(), alice, 0); !errors.Is(err, errDown) {
		t.Errorf("restore: %v", err)
	}
}

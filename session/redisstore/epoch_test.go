package redisstore

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/index"
)

// signedIn is a session of alice's, and the key of her epoch.
func signedIn(t *testing.T, server *redistest.Server) (r *rig, epoch string) {
	t.Helper()
	r = newRig(t, server, setTo("a", "1"))
	c := r.change("sign-in")
	c.Renew = &session.Renew{Verifier: session.Hash{2}}
	c.SignIn = &session.SignIn{Principal: "alice"}
	if _, err := r.Commit(t.Context(), r.key, c); err != nil {
		t.Fatal(err)
	}
	r.verifier = c.Renew.Verifier
	if rec, err := r.load(t.Context()); err != nil || rec.Epoch == 0 {
		t.Fatalf("signed in: %+v, %v", rec, err)
	}
	_, epoch = index.Keys(string(r.keys), "alice")
	return r, epoch
}

// What was signed in before the epoch is gone for every process, whether it
// knows the principal of the session already or not.
func TestASessionFromBeforeTheEpochIsGone(t *testing.T) {
	server := redistest.Start(t)
	r, epoch := signedIn(t, server)
	rec, err := r.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := *r
	other.Store = openWith(t, server, r.keys, r.clock.Now)
	for number, valid := range map[int64]bool{rec.Epoch - 1: true, rec.Epoch: true, rec.Epoch + 1: false} {
		r.do(t, "SET", epoch, fmt.Sprintf("%d %d - 0 ", number, number))
		for range 2 {
			for process, x := range map[string]*rig{"one": r, "another": &other} {
				_, err := x.load(t.Context())
				if valid && err != nil || !valid && !errors.Is(err, session.ErrGone{Reason: session.ReasonRevoked}) {
					t.Errorf("epoch %d, sign-in %d, %s process: %v", number, rec.Epoch, process, err)
				}
			}
		}
	}
}

// An epoch that a server has lost is made again, ends nobody's session and is
// reported once.
func TestALostEpochIsMadeAgain(t *testing.T) {
	server := redistest.Start(t)
	r, epoch := signedIn(t, server)
	var events atomic.Int64
	r.hook = func(e Event) {
		if e.Kind == EpochLost {
			events.Add(e.Count)
		}
	}
	r.do(t, "DEL", epoch)
	for range 2 {
		if _, err := r.load(t.Context()); err != nil {
			t.Errorf("load: %v", err)
		}
	}
	value, err := r.client.Do(t.Context(), r.client.B().Get().Key(epoch).Build()).ToString()
	if err != nil {
		t.Fatalf("it was not made again: %v", err)
	}
	if _, err := index.ParseEpoch(value); err != nil {
		t.Errorf("%q: %v", value, err)
	}
	if n := r.Stats().EpochsLost; n != 1 || events.Load() != 1 {
		t.Errorf("counted %d, reported %d", n, events.Load())
	}
}

// An epoch that cannot be read says nothing of the session, and nothing of
// those that are absent or nobody's.
func TestAnEpochThatCannotBeReadIsNoVerdict(t *testing.T) {
	server := redistest.Start(t)
	r, epoch := signedIn(t, server)
	r.do(t, "SET", epoch, "of the future")
	if _, err := r.load(t.Context()); !errors.Is(err, session.ErrFormat) {
		t.Errorf("an epoch of another form: got error %v, want ErrFormat", err)
	}
	r.do(t, "DEL", epoch)
	r.do(t, "LPUSH", epoch, "x")
	if _, err := r.load(t.Context()); err == nil || errors.Is(err, session.ErrNotFound) || errors.As(err, new(session.ErrGone)) {
		t.Errorf("a key of another type: got error %v", err)
	}
	if _, err := r.Load(t.Context(), r.key, session.LoadOptions{Verifiers: []session.Hash{{9}}}); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("another verifier: got error %v, want ErrNotFound", err)
	}
}

// The epoch costs no round trip of its own once its key is known.
func TestAKnownPrincipalCostsNoRoundTrip(t *testing.T) {
	r, _ := signedIn(t, redistest.Start(t))
	before := r.Stats().Calls
	if _, err := r.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.Stats().Calls - before; n != 1 {
		t.Errorf("a load took %d calls, want 1", n)
	}
}

func TestOwnersAreBounded(t *testing.T) {
	e := &epochs{}
	for i := range maxOwners + 100 {
		e.remember(session.Key(strconv.Itoa(i)), owner{principal: "alice", key: "k"})
	}
	last := session.Key(strconv.Itoa(maxOwners + 99))
	if n := len(e.owners); n != maxOwners || e.guess(last).key == "" {
		t.Errorf("%d owners, and the last is %+v", n, e.guess(last))
	}
	if e.forget(last); e.guess(last) != (owner{}) {
		t.Error("it was not forgotten")
	}
}

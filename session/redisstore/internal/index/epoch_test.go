package index

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

func TestEpochAdmits(t *testing.T) {
	for _, c := range []struct {
		value string
		key   session.Key
		epoch int64
		want  bool
	}{
		{"0 0 - 0 ", "a", 0, true},
		{"100 120 - 0 revoked", "a", 99, false},
		{"100 120 - 0 revoked", "a", 100, true},
		{"100 120 - 0 revoked", "-", 99, false},
		{"100 120 a 50 revoked", "a", 50, true},
		{"100 120 a 50 revoked", "a", 49, false},
		{"100 120 a 50 revoked", "b", 50, false},
		{"100 120 a 50 revoked", "b", 100, true},
	} {
		epoch, err := ParseEpoch(c.value)
		if err != nil {
			t.Errorf("%q: %v", c.value, err)
		} else if got := epoch.Admits(c.key, c.epoch); got != c.want {
			t.Errorf("%q admits sign-in %d of %s: %v", c.value, c.epoch, c.key, got)
		}
	}
	if !(Epoch{}).Admits("a", 0) {
		t.Error("the zero value does not admit all")
	}
}

func FuzzParseEpoch(f *testing.F) {
	for _, s := range []string{
		"0 0 - 0 ", "100 120 abc 50 a reason", "", "100", "100 120", "x 0 - 0 ", "0 x - 0 ", "0 0 - x ", "0 0  0 ",
		"-1 0 - 0 ", "01 0 - 0 ", "+1 0 - 0 ", "9007199254740993 0 - 0 ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		e, err := ParseEpoch(value)
		if err != nil {
			if !errors.Is(err, session.ErrFormat) || e != (Epoch{}) {
				t.Errorf("%q: %+v, %v", value, e, err)
			}
			return
		}
		except := string(e.except)
		if except == "" {
			except = "-"
		}
		last := strings.Split(value, " ")[1]
		if again := fmt.Sprintf("%d %s %s %d %s", e.number, last, except, e.floor, e.reason); again != value {
			t.Errorf("%q was read as %+v", value, e)
		}
	})
}

// A lost epoch ends nobody's session, whoever finds out, is reported, and later
// sign-ins and revocations are as good as ever.
func TestALostEpochEndsNobodysSession(t *testing.T) {
	w := newWorld(t)
	calls := map[string]func(ix *Index, p string, kept session.Key) error{
		"restored": func(ix *Index, p string, _ session.Key) error { _, err := ix.Restore(t.Context(), p, 0); return err },
		"listed":   func(ix *Index, p string, _ session.Key) error { _, err := ix.Sessions(t.Context(), p); return err },
		"another signs in": func(ix *Index, p string, _ session.Key) error {
			return w.signIn(t.Context(), ix, newKey(), w.signingIn(p, 0), w.commit)
		},
		"others revoked": func(ix *Index, p string, kept session.Key) error {
			_, err := ix.Revoke(t.Context(), p, session.Revocation{Except: kept})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			w.t = t
			var events atomic.Int64
			ix := w.process(Options{Hook: func(e link.Event) {
				if e.Kind == EpochLost {
					events.Add(e.Count)
				}
			}})
			p := w.somebody()
			kept := w.signedIn(ix, p, 0)
			_, key := Keys(prefix, p)
			w.command("DEL", key)
			if err := call(ix, p, kept); err != nil {
				t.Fatal(err)
			}
			if !w.usable(p)[kept] || events.Load() != 1 {
				t.Errorf("the session can be used: %v; %d events", w.usable(p)[kept], events.Load())
			}
			before := w.record(kept).Epoch
			if again := w.record(w.signedIn(ix, p, 0)).Epoch; again <= before {
				t.Errorf("a later sign-in has number %d, an earlier one had %d", again, before)
			}
			if _, err := ix.Revoke(t.Context(), p, session.Revocation{}); err != nil || len(w.usable(p)) != 0 {
				t.Errorf("revoked all: %v, and %v can be used", err, w.usable(p))
			}
		})
	}
}

// With the index lost too, sessions that are left are as valid as before, and a
// revocation reaches them.
func TestWithIndexAndEpochLostARevocationStillCounts(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	kept, ended := w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0)
	lose := func() {
		index, epoch := Keys(prefix, alice)
		w.command("DEL", index, epoch)
	}
	lose()
	w.signedIn(ix, alice, 0)
	if !w.usable(alice)[kept] || !w.usable(alice)[ended] {
		t.Error("a sign-in after the loss has ended others")
	}
	lose()
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{Except: kept}); err != nil {
		t.Fatal(err)
	}
	if usable := w.usable(alice); !usable[kept] || len(usable) != 1 {
		t.Errorf("%v can be used, only %s should", usable, kept)
	}
}

func TestRestoreKeepsAnEpochThatIsThere(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{Hook: func(e link.Event) { t.Errorf("event %+v", e) }})
	w.signedIn(ix, alice, 0)
	if _, err := ix.Revoke(t.Context(), alice, session.Revocation{}); err != nil {
		t.Fatal(err)
	}
	before, _ := w.epoch(alice)
	if got, err := ix.Restore(t.Context(), alice, 1<<52); err != nil || got != before {
		t.Errorf("got %+v, %v, had %+v", got, err, before)
	}
}

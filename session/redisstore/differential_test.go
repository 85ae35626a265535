package redisstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// A twin drives a store and the meaning of its operations, session.Apply and
// session.Open, with the same random calls, and compares what they answer and
// what they leave behind.
type twin struct {
	*rand.Rand
	ctx    context.Context
	store  *Store
	client rueidis.Client
	now    time.Time
	keys   []*twinKey
	seen   map[string]int // outcomes
	ids    int
}

// twinKey is one session, and what requests know of it.
type twinKey struct {
	key    session.Key
	name   string          // in the server
	rec    *session.Record // as the model keeps it
	hashes []session.Hash
	loaded []*session.Record
	sent   []session.Change
}

func newTwin(ctx context.Context, store *Store, client rueidis.Client, seed uint64) *twin {
	w := &twin{
		Rand: rand.New(rand.NewPCG(seed, 7)), ctx: ctx, store: store, client: client,
		now: time.UnixMilli(1_800_000_000_000).UTC(), seen: map[string]int{},
	}
	store.clock = func() time.Time { return w.now }
	for i := range 2 {
		k := &twinKey{key: session.Key(fmt.Sprintf("%08x-_%06d", seed, i))}
		name, _ := store.keys.appendSession(nil, k.key)
		k.name = string(name)
		w.keys = append(w.keys, k)
	}
	return w
}

// run makes that many calls and returns the first difference.
func (w *twin) run(steps int) error {
	for i := range steps {
		k := w.keys[w.IntN(len(w.keys))]
		var err error
		switch n := w.IntN(100); {
		case n < 15:
			w.step(k)
		case n < 40:
			err = w.load(k)
		case n < 90 || len(k.sent) == 0:
			err = w.commit(k, w.change(k))
		default:
			err = w.commit(k, w.again(k))
		}
		if err != nil {
			return fmt.Errorf("step %d at %v: %w", i, w.now.UnixMilli(), err)
		}
	}
	return nil
}

func pick[T any](w *twin, from ...T) T { return from[w.IntN(len(from))] }

// step moves the clock: to anywhere, or to where something ends.
func (w *twin) step(k *twinKey) {
	d := pick(w, time.Millisecond, time.Second, 3*time.Second, 5*time.Second, 9999*time.Millisecond, 10*time.Second, time.Minute, 3*time.Minute)
	switch w.IntN(16) {
	case 0:
		d = -d
	case 1:
		d = pick(w, 20*time.Minute, 33*time.Minute, 2*time.Hour, -20*time.Minute, -2*time.Hour, 25*time.Hour)
	case 2, 3:
		if k.rec != nil {
			d = k.rec.Expires().Sub(w.now) + pick(w, -time.Millisecond, -2*time.Second, 0, time.Millisecond)
		}
	case 4, 5:
		if k.rec != nil && len(k.rec.Superseded) > 0 {
			s := pick(w, k.rec.Superseded...)
			end := pick(w, s.LoadUntil, s.CommitUntil)
			if !end.IsZero() {
				d = end.Sub(w.now) + pick(w, -time.Millisecond, 0, -session.RenewalGrace, -session.RenewalGrace-time.Millisecond)
			}
		}
	}
	if d < 1000*time.Hour && w.now.Add(d).UnixMilli() > 1_700_000_000_000 {
		w.now = w.now.Add(d)
	}
}

// alive tells whether the model has a live record.
func (w *twin) alive(k *twinKey) bool { return k.rec != nil && w.now.Before(k.rec.Expires()) }

func (w *twin) id() string {
	w.ids++
	id := fmt.Sprintf("write%d", w.ids)
	switch w.IntN(12) {
	case 0:
		id = pick(w, "\n", ":", "%", " ", "\x00", "\xff", "-", "%41", ":1:", "\n1:1:\n", "a\tb") + id
	case 1:
		id = strings.Repeat("\xfe", session.MaxWriteIDBytes-len(id)) + id
	}
	return id
}

func (w *twin) hash(k *twinKey) session.Hash {
	var h session.Hash
	for i := range h {
		h[i] = byte(pick(w, '\n', '\t', ' ', '0', 0, 255, w.IntN(256)))
	}
	k.hashes = append(k.hashes, h)
	return h
}

// known is a verifier that the session has or had, mostly.
func (w *twin) known(k *twinKey) session.Hash {
	switch n := w.IntN(8); {
	case n < 5 && k.rec != nil:
		return k.rec.Verifier
	case n < 7 && k.rec != nil && len(k.rec.Superseded) > 0:
		return pick(w, k.rec.Superseded...).Verifier
	}
	return pick(w, k.hashes...)
}

func (w *twin) load(k *twinKey) error {
	opt := session.LoadOptions{Cache: session.CacheOff, Fresh: w.IntN(2) == 0}
	for range pick(w, 1, 1, 1, 1, 2, 2, 0, 3) {
		if len(k.hashes) == 0 || w.IntN(15) == 0 {
			opt.Verifiers = append(opt.Verifiers, session.Hash{byte(w.IntN(256))})
			continue
		}
		opt.Verifiers = append(opt.Verifiers, w.known(k))
	}
	opt.Passive = w.IntN(3) == 0
	want, updated, wantErr := session.Open(k.rec, opt, w.now)
	got, err := w.store.Load(w.ctx, k.key, opt)
	if class(err) != class(wantErr) {
		return fmt.Errorf("load: got error %w, want %q\nrecord %+v", err, class(wantErr), k.rec)
	}
	w.seen["load: "+class(err)]++
	if err == nil {
		if diff := difference(got, want); diff != "" {
			return fmt.Errorf("loaded: %s", diff)
		}
		if k.loaded = append(k.loaded, want); len(k.loaded) > 6 {
			k.loaded = k.loaded[1:]
		}
		w.seen["touched"] += map[bool]int{updated != nil: 1}[true]
	}
	if updated != nil {
		k.rec = updated
	}
	return w.compare(k, updated != nil)
}

func (w *twin) commit(k *twinKey, c session.Change) error {
	k.sent = append(k.sent, c)
	next, want, wantErr := session.Apply(k.rec, c, w.now)
	got, err := w.store.commit(w.ctx, k.key, &c)
	if class(err) != class(wantErr) {
		return fmt.Errorf("commit of %s: got error %w, want %q\nrecord %+v", describe(&c), err, class(wantErr), k.rec)
	}
	w.seen["commit: "+strings.TrimRight(class(err), "0123456789TZ.:- ")]++
	wrote := err == nil && !want.Repeated
	if err == nil {
		got.Values, want.Values = slices.Concat(got.Values), slices.Concat(want.Values) // empty is nil
		if !reflect.DeepEqual(got.Result, want) {
			return fmt.Errorf("commit of %s:\ngot  %+v\nwant %+v", describe(&c), got.Result, want)
		}
		var previous session.Version
		if wrote && w.alive(k) {
			previous = k.rec.Version
		}
		if got.previous != previous {
			return fmt.Errorf("commit of %s: previous version %v, want %v", describe(&c), got.previous, previous)
		}
		for what, is := range map[string]bool{"repeated": want.Repeated, "renewed": want.Renewed && wrote, "cleared": c.Clear && wrote,
			"signed in": c.SignIn != nil && wrote, "merged": wrote && slices.Max(append(want.Values, 0)) > 0} {
			if is {
				w.seen[what]++
			}
		}
	}
	k.rec = next
	if err := w.compare(k, wrote); err != nil {
		return fmt.Errorf("after commit of %s, which is %q: %w", describe(&c), class(wantErr), err)
	}
	return nil
}

// twins runs seeds until one shows a difference.
func twins(t *testing.T, server *redistest.Server, edit func(string) string, seeds, steps int) (map[string]int, error) {
	t.Helper()
	client, store := bare(t, server), open(t, server, nil)
	store.scripts = newScripts(edit)
	seen := map[string]int{}
	for seed := range uint64(seeds) {
		w := newTwin(t.Context(), store, client, seed)
		err := w.run(steps)
		for outcome, n := range w.seen {
			seen[outcome] += n
		}
		if err != nil {
			return seen, fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return seen, nil
}

// TestScriptsMeanWhatApplyAndOpenMean drives thousands of random calls.
func TestScriptsMeanWhatApplyAndOpenMean(t *testing.T) {
	seen, err := twins(t, redistest.Start(t), func(s string) string { return s }, 120, 300)
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range []string{
		"load: ok", "touched", "load: " + session.ErrNotFound.Error(), "load: " + session.ErrSuperseded.Error(), "load: session is gone: logout",
		"commit: ok", "repeated", "renewed", "cleared", "signed in", "merged",
		"commit: " + session.ErrNotFound.Error(), "commit: " + session.ErrSuperseded.Error(), "commit: " + session.ErrExists.Error(),
		"commit: " + session.ErrConflict.Error(), "commit: " + session.ErrType.Error(), "commit: " + session.ErrLimit.Error(),
		"commit: " + session.ErrUnknown.Error(), "commit: " + session.ErrPrincipal.Error(), "commit: " + session.ErrMalformed.Error(),
		"commit: session is gone: logout",
	} {
		if seen[outcome] < 20 {
			t.Errorf("outcome %q: seen %d times, the test hardly reaches it", outcome, seen[outcome])
		}
	}
	t.Logf("%v", seen)
}

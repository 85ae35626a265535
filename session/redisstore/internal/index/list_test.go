package index

import (
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

func TestSessionsTellWhatTheRecordsSay(t *testing.T) {
	w := newWorld(t)
	ix := w.process(Options{})
	if list, err := ix.Sessions(t.Context(), alice); err != nil || len(list) != 0 {
		t.Errorf("of nobody: %v, %v", list, err)
	}
	key := w.anonymous()
	c := w.again(key, alice, 0)
	c.SignIn.Persistent = true
	if err := w.signIn(t.Context(), ix, key, c, w.commit); err != nil {
		t.Fatal(err)
	}
	list, err := ix.Sessions(t.Context(), alice)
	rec := w.record(key)
	want := session.Listed{
		Key: key, Device: c.SignIn.Device, Created: rec.Created, SignedIn: rec.Authenticated,
		Accessed: rec.Accessed, Expires: rec.Expires(), Persistent: true,
	}
	if err != nil || !slices.Equal(list, []session.Listed{want}) {
		t.Errorf("listed are %+v, %v, want %+v", list, err, want)
	}
	if _, known := w.epoch(bob); known {
		t.Error("to list nobody's sessions has made an epoch")
	}
}

// Neither what has ended nor what has not begun is listed, and the former is
// forgotten.
func TestSessionsAreOnlyThoseThatCanBeUsed(t *testing.T) {
	w := newWorld(t)
	advance := w.stopClock()
	ix := w.stopped()
	kept := w.signedIn(ix, alice, 0)
	expired, lost, others := w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0), w.signedIn(ix, alice, 0)
	advance(time.Hour)
	pending := newKey()
	w.register(ix, pending, w.signingIn(alice, 0))
	w.records[kept].Accessed = w.now()
	w.records[others].Accessed, w.records[others].Principal = w.now(), bob
	delete(w.records, lost)
	list, err := ix.Sessions(t.Context(), alice)
	if got := keysOf(list); err != nil || !slices.Equal(got, []session.Key{kept}) {
		t.Errorf("listed are %v, %v, want %s; %s has expired", got, err, kept, expired)
	}
	entries := w.entries(alice)
	if len(entries) != 2 || entries[kept].raw == "" || entries[pending].raw == "" {
		t.Errorf("the index is %+v", entries)
	}
}

// The steps of a scan are small here, so that a list takes many.
func TestAListOfManyIsComplete(t *testing.T) {
	w := newWorld(t)
	w.command("CONFIG", "SET", "hash-max-listpack-entries", "8")
	ix := w.process(Options{})
	ix.sizes.page = 10
	var all []session.Key
	for range 300 {
		all = append(all, w.signedIn(ix, alice, 0))
	}
	list, err := ix.Sessions(t.Context(), alice)
	if got := keysOf(list); err != nil || !slices.Equal(got, all) {
		t.Errorf("%d of %d sessions are listed, %v", len(got), len(all), err)
	}
	if n, err := ix.Revoke(t.Context(), alice, session.Revocation{Except: all[7]}); n != 299 || err != nil {
		t.Errorf("%d were ended, %v", n, err)
	}
	if usable := w.usable(alice); len(usable) != 1 || len(w.entries(alice)) != 1 {
		t.Errorf("%d can be used, %d entries are left", len(usable), len(w.entries(alice)))
	}
}

// On a cluster the two keys are on one node, and the scripts reach both.
func TestOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	l, err := link.New("redis-cluster://"+cluster.Nodes[0].Addr, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &world{
		t: t, link: l, now: time.Now, records: map[session.Key]*session.Record{},
		down: map[session.Key]error{}, changed: func() {},
	}
	ix := w.process(Options{})
	for range 10 { // principals are spread over the nodes
		p := w.somebody()
		first, second := w.signedIn(ix, p, 2), w.signedIn(ix, p, 2)
		third := w.signedIn(ix, p, 2)
		if list, err := ix.Sessions(t.Context(), p); err != nil || !slices.Equal(keysOf(list), []session.Key{second, third}) {
			t.Errorf("listed are %v, %v", list, err)
		}
		if n, err := ix.Revoke(t.Context(), p, session.Revocation{Except: third}); n != 1 || err != nil || w.record(first).Gone == "" {
			t.Errorf("%d were ended, %v", n, err)
		}
	}
}

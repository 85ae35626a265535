package index

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

const (
	prefix     = "ek:test:"
	alice, bob = "alice@example.com", "bob@example.com"
)

// world is a Redis with the index, and the records of the sessions, in memory:
// session.Apply is what a commit means, and Destroy is as Victim says.
type world struct {
	t    *testing.T
	addr string
	link *link.Link
	now  func() time.Time

	mu      sync.Mutex
	records map[session.Key]*session.Record
	changed func() // called with mu held after every change of a record
	down    map[session.Key]error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	// Small hashes keep the order of their making, so that a plan means the same
	// whenever it is played.
	server := redistest.Start(t, "--hash-max-listpack-value", "4096")
	l, err := link.New("redis://"+server.Addr, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{
		t: t, addr: server.Addr, link: l, now: time.Now,
		records: map[session.Key]*session.Record{}, down: map[session.Key]error{}, changed: func() {},
	}
}

// process is one instance of a service.
func (w *world) process(opt Options) *Index {
	opt.Prefix = prefix
	return New(w.link, w, opt)
}

// live is the record of key, with mu held.
func (w *world) live(key session.Key) *session.Record {
	rec := w.records[key]
	if rec == nil || !w.now().Before(rec.Expires()) {
		return nil
	}
	return rec
}

func (w *world) Look(_ context.Context, key session.Key) (*session.Record, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live(key).Clone(), w.now(), w.down[key]
}

func (w *world) Destroy(_ context.Context, key session.Key, v Victim) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.changed() }()
	if err := w.down[key]; err != nil {
		return false, err
	}
	rec, now := w.live(key), w.now()
	pending := now.Before(v.PendingUntil)
	switch {
	case rec == nil && pending:
		w.bury(key, &session.Record{Format: session.Format}, v, now)
	case rec == nil:
	case rec.Gone != "" && rec.Expires().Before(v.PendingUntil):
		w.bury(key, rec, Victim{Reason: rec.Gone, PendingUntil: v.PendingUntil}, now)
	case rec.Gone != "":
	case rec.Principal == v.Principal && rec.Epoch <= v.UpTo:
		w.bury(key, rec, v, now)
		return true, nil
	case rec.Principal == "" && pending:
		w.bury(key, rec, v, now)
	}
	return false, nil
}

func (w *world) bury(key session.Key, rec *session.Record, v Victim, now time.Time) {
	w.records[key] = &session.Record{
		Format: session.Format, Gone: v.Reason, Generation: rec.Generation, Verifier: rec.Verifier, Writes: rec.Writes,
		Idle: max(rec.Idle, v.PendingUntil.Sub(now)+time.Second), Version: session.Version{N: max(rec.Version.N+1, now.UnixMilli()), Write: "destroy"},
	}
}

func (w *world) commit(key session.Key, c session.Change) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.changed() }()
	if err := w.down[key]; err != nil {
		return err
	}
	next, result, err := session.Apply(w.records[key], c, w.now())
	if err == nil && !result.Repeated {
		w.records[key] = next
	}
	return err
}

func (w *world) record(key session.Key) *session.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live(key).Clone()
}

// held counts the principal's sessions, with mu held, leaving out the epoch.
func (w *world) held(principal string) (n int) {
	for key := range w.records {
		if rec := w.live(key); rec != nil && rec.Gone == "" && rec.Principal == principal {
			n++
		}
	}
	return n
}

// usable returns the sessions that a Load would let pass.
func (w *world) usable(principal string) map[session.Key]bool {
	w.t.Helper()
	epoch, known := w.epoch(principal)
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := map[session.Key]bool{}
	for key := range w.records {
		if rec := w.live(key); known && rec != nil && rec.Gone == "" && rec.Principal == principal && epoch.Admits(key, rec.Epoch) {
			keys[key] = true
		}
	}
	return keys
}

func (w *world) epoch(principal string) (Epoch, bool) {
	w.t.Helper()
	_, key := Keys(prefix, principal)
	value := w.do(func(c rueidis.Client) rueidis.Completed { return c.B().Get().Key(key).Build() })
	raw, err := value.ToString()
	if rueidis.IsRedisNil(err) {
		return Epoch{}, false
	}
	epoch, err := ParseEpoch(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return epoch, true
}

// entries is the index as it is stored.
func (w *world) entries(principal string) map[session.Key]entry {
	w.t.Helper()
	key, _ := Keys(prefix, principal)
	all, err := w.do(func(c rueidis.Client) rueidis.Completed { return c.B().Hgetall().Key(key).Build() }).AsStrMap()
	if err != nil {
		w.t.Fatal(err)
	}
	list := map[session.Key]entry{}
	for key, raw := range all {
		if list[session.Key(key)], err = decodeEntry(session.Key(key), raw); err != nil {
			w.t.Fatal(err)
		}
	}
	return list
}

func (w *world) do(cmd func(rueidis.Client) rueidis.Completed) (res rueidis.RedisResult) {
	w.t.Helper()
	err := w.link.Call(context.Background(), "", func(ctx context.Context, c rueidis.Client) error {
		res = c.Do(ctx, cmd(c))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// command is any command, for what no test reads.
func (w *world) command(args ...string) {
	w.t.Helper()
	if err := w.do(func(c rueidis.Client) rueidis.Completed {
		return c.B().Arbitrary(args[0]).Keys(args[1]).Args(args[2:]...).Build()
	}).Error(); err != nil {
		w.t.Fatal(err)
	}
}

// somebody is a principal that no test has had before.
func (w *world) somebody() string { return fmt.Sprint("principal ", devices.Add(1)) }

func randomText(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func newKey() session.Key { return session.Key(randomText(12)) }

func newVerifier() (h session.Hash) {
	_, _ = rand.Read(h[:])
	return h
}

var devices atomic.Int64

// signingIn is a sign-in with a Start. Its device is unique.
func (w *world) signingIn(principal string, most int) session.Change {
	absolute := w.now().Add(24 * time.Hour)
	return session.Change{
		WriteID: randomText(12), NotAfter: w.now().Add(time.Minute),
		Start: &session.Start{Verifier: newVerifier(), Idle: time.Hour, Absolute: absolute},
		SignIn: &session.SignIn{
			Principal: principal, Absolute: absolute, MaxSessions: most,
			Device: fmt.Sprint("browser ", devices.Add(1)),
		},
	}
}

// again is a sign-in of a session that exists.
func (w *world) again(key session.Key, principal string, most int) session.Change {
	c := w.signingIn(principal, most)
	rec := w.record(key)
	c.Start, c.Renew = nil, &session.Renew{Verifier: newVerifier()}
	c.Base, c.Generation = rec.Version, rec.Generation
	return c
}

// anonymous starts a session that is nobody's.
func (w *world) anonymous() session.Key {
	w.t.Helper()
	key, c := newKey(), w.signingIn(alice, 0)
	c.SignIn = nil
	if err := w.commit(key, c); err != nil {
		w.t.Fatal(err)
	}
	return key
}

// signIn does what a store does.
func (w *world) signIn(ctx context.Context, ix *Index, key session.Key, c session.Change, commit func(session.Key, session.Change) error) error {
	epoch, err := ix.Register(ctx, key, c)
	if err != nil {
		return err
	}
	in := *c.SignIn
	in.Epoch, c.SignIn = epoch, &in
	if err = commit(key, c); refused(err) && !c.Retry {
		return errors.Join(err, ix.Unregister(ctx, key, c))
	}
	return err
}

// refused tells whether a commit has certainly not been applied.
func refused(err error) bool {
	return err != nil && !errors.Is(err, session.ErrUnknown) && !errors.Is(err, errDown) &&
		!errors.Is(err, errCrashed) && !errors.Is(err, errLost)
}

var errDown = errors.New("server is down")

// signedIn signs a new session in and fails the test if that fails.
func (w *world) signedIn(ix *Index, principal string, most int) session.Key {
	w.t.Helper()
	key := newKey()
	if err := w.signIn(w.t.Context(), ix, key, w.signingIn(principal, most), w.commit); err != nil {
		w.t.Fatal(err)
	}
	return key
}

func keysOf(list []session.Listed) (keys []session.Key) {
	for _, l := range list {
		keys = append(keys, l.Key)
	}
	return keys
}

// broken is the way to a server that is down.
type broken struct{}

func (broken) Call(context.Context, string, func(context.Context, rueidis.Client) error) error {
	return errDown
}

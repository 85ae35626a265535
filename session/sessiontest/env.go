package sessiontest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// idle is the idle timeout of the sessions under test.
const idle = 30 * time.Minute

// patience is how long after their making changes may be applied.
const patience = time.Minute

// env is a store under test with the words that checks are written in. A word
// whose expectation is not met ends the check.
type env struct {
	ctx   context.Context
	h     Harness
	store session.Store // writes
	peer  session.Store // reads
}

// failure ends a check; run turns it into the check's error.
type failure struct{ err error }

func run(check func(*env)) func(Harness) error {
	return func(h Harness) error {
		e := &env{ctx: context.Background(), h: h, store: h.Store, peer: h.Peer}
		if e.peer == nil {
			e.peer = h.Store
		}
		return caught(func() { check(e) })
	}
}

func caught(f func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.err
		default:
			panic(p)
		}
	}()
	f()
	return nil
}

func (e *env) failf(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

// must ends the check if err is not nil.
func (e *env) must(err error, what string) {
	if err != nil {
		e.failf("%s: %w", what, err)
	}
}

// is ends the check if err is not want.
func (e *env) is(err, want error, what string) {
	if !errors.Is(err, want) {
		e.failf("%s: got error %v, want %v", what, err, want)
	}
}

func equal[T comparable](e *env, got, want T, what string) {
	if got != want {
		e.failf("%s: got %v, want %v", what, got, want)
	}
}

// parallel runs f(0) to f(n-1) at once and waits for all.
func (e *env) parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = caught(func() { f(i) }) })
	}
	wg.Wait()
	e.must(errors.Join(errs...), "at once")
}

func (e *env) now() time.Time {
	if e.h.Clock != nil {
		return e.h.Clock.Now()
	}
	return time.Now()
}

func (e *env) advance(d time.Duration) { e.h.Clock.Advance(d) }

// moment lets the store's clock move on, so that what follows is later.
func (e *env) moment() {
	if e.h.Clock != nil {
		e.advance(time.Second)
		return
	}
	for begin := time.Now(); time.Since(begin) < 2*time.Millisecond; {
		runtime.Gosched()
	}
}

// change is a change by a request that loaded rec.
func (e *env) change(rec *session.Record, ops ...session.Op) session.Change {
	return session.Change{
		WriteID:    newID(),
		Base:       rec.Version,
		Generation: rec.Generation,
		NotAfter:   e.now().Add(patience),
		Ops:        ops,
	}
}

// startChange is the change that makes a session.
func (e *env) startChange(h session.Hash, ops ...session.Op) session.Change {
	return session.Change{
		WriteID:  newID(),
		NotAfter: e.now().Add(patience),
		Start:    &session.Start{Verifier: h, Idle: idle},
		Ops:      ops,
	}
}

// sess is a session in a browser: what the cookie holds.
type sess struct {
	*env
	key  session.Key
	hash session.Hash
}

// start makes a session whose cookie has not come back yet.
func (e *env) start(ops ...session.Op) *sess {
	s := &sess{env: e, key: newKey(), hash: newHash()}
	s.commit(e.startChange(s.hash, ops...), "start")
	return s
}

// with is the session in a browser with another cookie.
func (s *sess) with(h session.Hash) *sess { return &sess{s.env, s.key, h} }

func (s *sess) tryLoad(hashes ...session.Hash) (*session.Record, error) {
	return s.peer.Load(s.ctx, s.key, session.LoadOptions{Verifiers: hashes})
}

// load is an active load that succeeds.
func (s *sess) load() *session.Record {
	rec, err := s.tryLoad(s.hash)
	s.must(err, "load")
	return rec
}

// peek is a passive load that succeeds.
func (s *sess) peek() *session.Record {
	rec, err := s.peer.Load(s.ctx, s.key, session.LoadOptions{Verifiers: []session.Hash{s.hash}, Passive: true, Fresh: true})
	s.must(err, "passive load")
	return rec
}

func (s *sess) tryCommit(c session.Change) (session.Result, error) {
	return s.store.Commit(s.ctx, s.key, c)
}

// commit is a commit that succeeds.
func (s *sess) commit(c session.Change, what string) session.Result {
	result, err := s.tryCommit(c)
	s.must(err, what)
	return result
}

// apply commits the operations as a request of its own.
func (s *sess) apply(ops ...session.Op) session.Result {
	return s.commit(s.change(s.load(), ops...), "commit")
}

// refused is a commit that fails with want and changes nothing.
func (s *sess) refused(c session.Change, want error, what string) {
	before := s.peek()
	_, err := s.tryCommit(c)
	s.is(err, want, what)
	s.unchanged(before, what)
}

// unchanged ends the check if the record is not what it was at the load of
// before.
func (s *sess) unchanged(before *session.Record, what string) {
	after := s.peek()
	equal(s.env, after.Version, before.Version, what+", version afterwards")
	equal(s.env, after.Generation, before.Generation, what+", generation afterwards")
	equal(s.env, after.Principal, before.Principal, what+", principal afterwards")
	equal(s.env, after.Size, before.Size, what+", size afterwards")
	s.holds(text(before.Attributes), what+", attributes afterwards")
}

// holds ends the check if the attributes are not want.
func (s *sess) holds(want map[string]string, what string) {
	if got := text(s.peek().Attributes); !maps.Equal(got, want) {
		s.failf("%s: got %q, want %q", what, got, want)
	}
}

// gone ends the check if a request with the session's cookie is not told the
// reason why it is gone.
func (s *sess) gone(err error, reason session.Reason, what string) {
	var gone session.ErrGone
	if !errors.As(err, &gone) {
		s.failf("%s: got error %v, want ErrGone", what, err)
	}
	equal(s.env, gone.Reason, reason, what+", reason")
}

// late ends the check if err is not ErrLate with the store's clock.
func (s *sess) late(err error, what string) {
	var late session.ErrLate
	if !errors.As(err, &late) {
		s.failf("%s: got error %v, want ErrLate", what, err)
	}
	if late.Now.IsZero() {
		s.failf("%s: ErrLate does not tell the store's clock", what)
	}
}

// repeated ends the check if again is not the stored form of first.
func (s *sess) repeated(first, again session.Result, what string) {
	equal(s.env, again.Repeated, true, what+", Repeated")
	equal(s.env, again.Version, first.Version, what+", version")
	equal(s.env, again.Renewed, first.Renewed, what+", Renewed")
	equal(s.env, fmt.Sprint(again.Values), fmt.Sprint(first.Values), what+", values")
}

func text(attributes map[string][]byte) map[string]string {
	m := map[string]string{}
	for name, value := range attributes {
		m[name] = string(value)
	}
	return m
}

func set(name, value string) session.Op {
	return session.Op{Kind: session.OpSet, Name: name, Value: []byte(value)}
}

func remove(name string) session.Op { return session.Op{Kind: session.OpRemove, Name: name} }

func add(name string, n int64) session.Op {
	return session.Op{Kind: session.OpAdd, Name: name, N: n}
}

func merge(kind session.OpKind, name string, elements ...string) session.Op {
	op := session.Op{Kind: kind, Name: name}
	for _, e := range elements {
		op.Elements = append(op.Elements, []byte(e))
	}
	return op
}

func encoded(elements ...string) string {
	return string(session.EncodeElements(merge(session.OpAppend, "", elements...).Elements))
}

func newKey() session.Key { return session.Key(newID()) }

// newID is 96 random bits, as keys and write IDs are.
func newID() string {
	var b [12]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func newHash() session.Hash {
	var h session.Hash
	rand.Read(h[:])
	return h
}

package session

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// Session is the session of one request. Nothing is read until something asks
// for it, and nothing is started until something is stored.
//
// It is safe for concurrent use by the goroutines of its request. What is
// staged is committed as one, in the order in which it was staged; goroutines
// that stage at once see each other's changes. Store calls of one request
// happen one after the other.
type Session struct {
	m       *Manager
	outer   *Session        // of the manager around this one
	ctx     context.Context // of the request, which owns the session
	cancel  context.CancelCauseFunc
	req     *http.Request // as it came to Handler; nil under Issue
	passive bool
	fresh   bool // the first read too
	cache   CacheMode

	// turn holds a token while a store call is on its way. It is taken before
	// mu, never under it, so that reads do not wait for the store.
	turn chan struct{}

	mu sync.Mutex
	reading
	changes
	reply
	broken  error // what every change fails with from now on
	spoiled bool  // and the response too
	watch   *watch
}

// reading is what the request knows of its session.
type reading struct {
	cur     bound
	loaded  bool
	stale   bool  // cur.base may be behind what this request itself wrote
	loadErr error // why there is no base although a cookie was presented
}

// changes are what the request wants of its session.
type changes struct {
	inflight staged            // being written
	pending  staged            // to be written at the commit
	ending   []bound           // to be invalidated at the commit
	view     map[string][]byte // the attributes with all of it done; nil is to be computed
}

// reply is what the response owes to the session.
type reply struct {
	phase   phase
	manual  bool         // the handler commits itself
	touched bool         // the response depends on the cookie
	renewed bool         // by this request
	cookie  *http.Cookie // to be sent
	nested  []*Session   // of the managers inside, once they have committed
}

// bound is a session as the request knows it.
type bound struct {
	cred   credential // what opens it for this request
	newest verifier   // of those that are known to open it
	floor  int64      // the Version.N that the browser has seen, 0 if it says nothing
	base   *Record    // as loaded, plus what this request wrote; nil is anonymous
}

// seen is the Version.N that this request or its browser has seen.
func (b *bound) seen() int64 {
	if b.base == nil {
		return b.floor
	}
	return max(b.floor, b.base.Version.N)
}

// phase is how far the response is.
type phase uint8

const (
	phaseOpen   phase = iota // headers can still be sent
	phaseSealed              // the first byte is on its way
	phaseDone                // the handler has returned
)

// staged is a set of changes that is or will be written as one.
type staged struct {
	clear  bool
	ops    []Op
	signIn *signingIn
	renew  bool
}

func (p *staged) empty() bool { return !p.clear && len(p.ops) == 0 && p.signIn == nil && !p.renew }

func (m *Manager) newSession(ctx context.Context, r *http.Request, cancel context.CancelCauseFunc) *Session {
	s := &Session{m: m, outer: From(ctx), ctx: ctx, cancel: cancel, req: r, cache: m.opt.Cache, turn: make(chan struct{}, 1)}
	if r == nil {
		return s
	}
	var malformed bool
	if s.cur.cred, malformed = m.via.credential(r.Header); malformed {
		m.count.malformed.Add(1)
	}
	s.cur.floor = m.via.floor(r.Header, s.cur.cred.key)
	s.passive = m.opt.Passive != nil && m.opt.Passive(r)
	s.fresh = m.opt.Fresh != nil && m.opt.Fresh(r)
	if m.opt.CacheFor != nil {
		if mode := m.opt.CacheFor(r); mode != CacheDefault && mode <= CacheBounded {
			s.cache = mode
		}
	}
	return s
}

// Load reads the session if nothing has yet. Its error says that the session
// could not be read (the store cannot be reached, or the record's format is
// unknown): then it is unknown, not absent, who asks. A request without a
// session is no error.
//
// A handler that can do its work without knowing calls Load first and, upon
// an error, nothing else of the session.
func (s *Session) Load() error {
	if err := s.ensure(); err != nil && !absent(err) && !superseded(err) {
		return err
	}
	return nil
}

// Principal returns whose session it is, with a staged SignIn or SignOut
// already done; empty is nobody's.
//
// If the session cannot be read it is empty as well, and, because unknown is
// not absent, the response will be replaced by the error handler's; see Load.
func (s *Session) Principal() string {
	if s.mustLoad() != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	principal, _ := s.signedIn()
	return principal
}

// Started tells whether the store has a session of this request. If it cannot
// be read, see Principal.
func (s *Session) Started() bool {
	if s.mustLoad() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.base != nil
}

// Gone returns why the session that the request presented, or had, is no
// more; empty if it is there, or if there never was one, or if nobody knows.
func (s *Session) Gone() Reason {
	err := s.mustLoad()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range []error{err, s.loadErr, s.broken} {
		if gone := (ErrGone{}); errors.As(e, &gone) {
			return gone.Reason
		}
	}
	return ""
}

// Keys returns the names of all attributes, sorted, with staged changes
// already done.
func (s *Session) Keys() ([]string, error) {
	if err := s.Load(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.attributes())), nil
}

// value returns an attribute's stored form, which nobody may change in place.
func (s *Session) value(name string) ([]byte, bool, error) {
	if err := s.Load(); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, found := s.attributes()[name]
	return v, found, nil
}

// mustLoad is Load for methods that cannot return the error.
func (s *Session) mustLoad() error {
	err := s.Load()
	if err != nil && !errors.Is(err, ErrDone) {
		s.spoil(err)
	}
	return err
}

// spoil makes the response, and every change, fail with err.
func (s *Session) spoil(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = err
	}
	if s.phase == phaseSealed {
		s.cancel(err) // too late to replace the response
	}
	s.spoiled = s.spoiled || s.phase == phaseOpen
}

// attributes are what the request sees: base with all changes done. They are
// replaced as a whole, and the values too, never changed in place.
func (s *Session) attributes() map[string][]byte {
	if s.view == nil {
		var base map[string][]byte
		if s.cur.base != nil {
			base = s.cur.base.Attributes
		}
		s.view = base
		if !s.inflight.empty() || !s.pending.empty() {
			s.view = overlay(base, &s.inflight, &s.pending)
		}
	}
	return s.view
}

func overlay(base map[string][]byte, changes ...*staged) map[string][]byte {
	view := attributes{}
	maps.Copy(view, base)
	for _, p := range changes {
		if p.clear {
			clear(view)
		}
		for _, op := range p.ops {
			op.Expect = nil
			// What another request has made impossible meanwhile, fails at
			// the commit; until then it is not seen.
			_, _ = view.apply([]Op{op})
		}
	}
	return view
}

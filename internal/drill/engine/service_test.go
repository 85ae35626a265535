package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/probe"
)

const secret = "the secret of the engine's tests"

// service keeps sessions in memory, faithfully, behind the probe. The fields
// plant faults.
type service struct {
	affinity bool                                    // sets a second cookie, the same for everybody
	before   func(w http.ResponseWriter) bool        // false: has answered
	forget   func(principal string, n int) bool      // the n-th request of a session loses it
	revives  time.Duration                           // after a logout; 0 never
	keepsIDs bool                                    // IDs that were replaced open the session for ever
	expires  func(rec *record, r *http.Request) bool // asked by each request of a session

	mu       sync.Mutex
	sessions map[string]*record // by cookie value
}

type record struct {
	principal string
	signed    time.Time
	active    time.Time // by whatever counts as activity; expires keeps it
	tokens    []string
	n         int64
	requests  int
	gone      bool
	until     map[string]time.Time // grace of replaced IDs
}

// grace of an ID that has been replaced.
const grace = 10 * time.Second

func (s *service) of(r *http.Request) (string, *record) {
	c, err := r.Cookie("sid")
	if err != nil {
		return "", nil
	}
	rec := s.sessions[c.Value]
	if rec == nil || rec.gone {
		return "", nil
	}
	if until, replaced := rec.until[c.Value]; replaced && !s.keepsIDs && time.Now().After(until) {
		return "", nil
	}
	return c.Value, rec
}

func (s *service) give(w http.ResponseWriter, rec *record) {
	id := rand.Text()
	s.sessions[id] = rec
	if s.affinity {
		http.SetCookie(w, &http.Cookie{Name: "affinity", Value: "a-very-long-name-of-the-only-instance-there-is", HttpOnly: true})
	}
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: id, Path: "/", HttpOnly: true})
}

func (s *service) change(r *http.Request, f func(id string, rec *record)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, rec := s.of(r)
	if rec == nil {
		return probe.ErrAnonymous
	}
	f(id, rec)
	return nil
}

func (s *service) principal(_ http.ResponseWriter, r *http.Request) (who string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, rec := s.of(r)
	if rec == nil {
		return "", nil
	}
	if s.expires != nil && s.expires(rec, r) {
		rec.gone = true
		return "", nil
	}
	rec.requests++
	if s.forget != nil && s.forget(rec.principal, rec.requests) {
		rec.gone = true
		return "", nil
	}
	return rec.principal, nil
}

func (s *service) signIn(w http.ResponseWriter, r *http.Request, principal string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, rec := s.of(r); rec != nil {
		rec.gone = true
	}
	s.give(w, &record{principal: principal, signed: time.Now(), active: time.Now(), until: map[string]time.Time{}})
	return nil
}

func (s *service) revive(rec *record) {
	if s.revives == 0 {
		return
	}
	time.AfterFunc(s.revives, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		rec.gone = false
	})
}

func (s *service) handler(t *testing.T) http.Handler {
	t.Helper()
	s.sessions = map[string]*record{}
	p, err := probe.New(secret, probe.Calls{
		Principal: s.principal,
		SignIn:    s.signIn,
		SignOut: func(w http.ResponseWriter, r *http.Request) error {
			return s.change(r, func(_ string, rec *record) {
				rec.gone = true
				s.revive(rec)
				http.SetCookie(w, &http.Cookie{Name: "sid", Path: "/", MaxAge: -1})
			})
		},
		Renew: func(w http.ResponseWriter, r *http.Request) error {
			return s.change(r, func(id string, rec *record) {
				if _, replaced := rec.until[id]; !replaced {
					rec.until[id] = time.Now().Add(grace)
				}
				s.give(w, rec)
			})
		},
		Append: func(_ http.ResponseWriter, r *http.Request, _, token string) error {
			return s.change(r, func(_ string, rec *record) { rec.tokens = append(rec.tokens, token) })
		},
		State: func(_ http.ResponseWriter, r *http.Request) (st probe.State, err error) {
			err = s.change(r, func(_ string, rec *record) {
				st = probe.State{Tokens: append([]string(nil), rec.tokens...), N: rec.n}
			})
			return st, err
		},
		Increment: func(_ http.ResponseWriter, r *http.Request) (n int64, err error) {
			err = s.change(r, func(_ string, rec *record) { rec.n++; n = rec.n })
			return n, err
		},
	}, probe.Options{Instance: "one", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.before == nil || s.before(w) {
			p.ServeHTTP(w, r)
		}
	})
}

// serve starts a service on a real socket.
func serve(t *testing.T, s *service) string {
	t.Helper()
	srv := httptest.NewServer(s.handler(t))
	t.Cleanup(srv.Close)
	return srv.URL
}

// pipes is a network without sockets, for bubbles of fake time: what is dialled
// is accepted by one server.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, fmt.Errorf("dial %s: %w", address, net.ErrClosed)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// servePipes serves h within a bubble until the test ends.
func servePipes(t *testing.T, h http.Handler) *pipes {
	t.Helper()
	p := newPipes()
	srv := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	ended := make(chan error)
	go func() { ended <- srv.Serve(p) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return p
}

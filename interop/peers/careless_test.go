package peers

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"
)

// careless is the planted fault: a middleware as people write it in an
// afternoon. It commits at Write and when the handler returns, not at
// WriteHeader; also when the handler has panicked; it takes any ID that it is
// shown; it stores a session for whoever comes; it has one key in the context
// for all managers; it waits for its store as long as it takes; and its writer
// has no Unwrap.
var careless = library{name: "careless", open: func(t testing.TB, name string) service {
	m := &carelessManager{name: name, records: map[string]map[string]string{}}
	return service{cookie: name, store: m, wrap: m.wrap, visit: func(_ http.ResponseWriter, r *http.Request) visit {
		return r.Context().Value(carelessKey{}).(*carelessSession)
	}}
}}

type carelessKey struct{}

type carelessManager struct {
	calls
	name    string
	mu      sync.Mutex
	records map[string]map[string]string
}

type carelessSession struct {
	m         *carelessManager
	ctx       context.Context
	w         http.ResponseWriter
	mu        sync.Mutex
	id        string
	values    map[string]string
	committed bool
}

func (m *carelessManager) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &carelessSession{m: m, ctx: context.WithoutCancel(r.Context()), w: w, id: rand.Text(), values: map[string]string{}}
		if c, err := r.Cookie(m.name); err == nil {
			s.id = c.Value
		}
		if err := m.call(s.ctx); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		m.mu.Lock()
		maps.Copy(s.values, m.records[s.id])
		m.mu.Unlock()
		if _, spoiled := s.values["spoiled"]; spoiled {
			http.Error(w, "cannot decode the session", http.StatusInternalServerError)
			return
		}
		defer s.commit()
		next.ServeHTTP(carelessWriter{w, s}, r.WithContext(context.WithValue(r.Context(), carelessKey{}, s)))
	})
}

func (s *carelessSession) commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committed {
		return
	}
	s.committed = true
	if err := s.m.call(s.ctx); err != nil {
		http.Error(s.w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.m.mu.Lock()
	s.m.records[s.id] = maps.Clone(s.values)
	s.m.mu.Unlock()
	http.SetCookie(s.w, &http.Cookie{Name: s.m.name, Value: s.id, Path: "/", Expires: time.Now().Add(time.Hour)})
}

type carelessWriter struct {
	http.ResponseWriter
	s *carelessSession
}

func (w carelessWriter) Write(p []byte) (int, error) {
	w.s.commit()
	return w.ResponseWriter.Write(p)
}

func (s *carelessSession) Value(key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key], nil
}

func (s *carelessSession) Set(key, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key] = value
	return nil
}

func (s *carelessSession) SignOut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.values)
	return nil
}

func (s *carelessSession) User() (string, error)    { return s.Value("user") }
func (s *carelessSession) SignIn(user string) error { return s.Set("user", user) }
func (s *carelessSession) Save() error              { return nil }

func (m *carelessManager) Records() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}

func (m *carelessManager) Spoil() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, values := range m.records {
		values["spoiled"] = "yes"
	}
}

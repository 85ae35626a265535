package shop

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
)

// memory keeps sessions in this process and nowhere else, as a framework does
// that is left at its default: correct while the process lives, gone with it.
type memory struct {
	cookie string

	mu       sync.Mutex
	sessions map[string]*data
}

// NewMemory keeps sessions in this process, under a cookie of that name.
func NewMemory(cookie string) Sessions {
	return &memory{cookie: cookie, sessions: map[string]*data{}}
}

type visitKey struct{}

func (m *memory) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &memoryVisit{m: m, w: w, id: cookieValue(r, m.cookie)}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
	})
}

func (m *memory) Visit(r *http.Request) Visit { return r.Context().Value(visitKey{}).(*memoryVisit) }

func (m *memory) Close() error { return nil }

type memoryVisit struct {
	m    *memory
	w    http.ResponseWriter
	id   string
	seen bool // the request has found its session
}

// find is the session, nil if there is none; m.mu is held.
func (v *memoryVisit) find() *data {
	d := v.m.sessions[v.id]
	v.seen = v.seen || d != nil
	return d
}

// move puts d in the place of the session, under a new ID; m.mu is held.
func (v *memoryVisit) move(d *data) {
	delete(v.m.sessions, v.id)
	v.id, v.seen = rand.Text(), true
	v.m.sessions[v.id] = d
	setCookie(v.w, v.m.cookie, v.id)
}

func (v *memoryVisit) read(f func(d *data)) {
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	if d := v.find(); d != nil {
		f(d)
	}
}

// change calls f with the session, a new one where there was none.
func (v *memoryVisit) change(f func(d *data) error) error {
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	d := v.find()
	switch {
	case d == nil && v.seen:
		return ErrEnded
	case d == nil:
		d = &data{}
		v.move(d)
	}
	return f(d)
}

func (v *memoryVisit) User() (user string, _ error) {
	v.read(func(d *data) { user = d.User })
	return user, nil
}

func (v *memoryVisit) SignIn(user string) error {
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	v.move(v.find().signedIn(user))
	return nil
}

func (v *memoryVisit) SignOut() error {
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	if v.find() == nil && v.seen {
		return ErrEnded
	}
	delete(v.m.sessions, v.id)
	setCookie(v.w, v.m.cookie, "")
	return nil
}

func (v *memoryVisit) Renew() error {
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	switch d := v.find(); {
	case d != nil:
		v.move(d)
	case v.seen:
		return ErrEnded
	}
	return nil
}

func (v *memoryVisit) Add(department, item string) error {
	return v.change(func(d *data) error { return d.add(department, item) })
}

func (v *memoryVisit) Cart() (lines []Line, _ error) {
	v.read(func(d *data) { lines = d.cart() })
	return lines, nil
}

func (v *memoryVisit) Remove(lines []Line) error {
	v.read(func(d *data) { d.remove(lines) })
	return nil
}

func (v *memoryVisit) Ticket(context.Context) (n int64, _ error) {
	err := v.change(func(d *data) error { d.N++; n = d.N; return nil })
	return n, err
}

func (v *memoryVisit) Tickets() (n int64, _ error) {
	v.read(func(d *data) { n = d.N })
	return n, nil
}

func (v *memoryVisit) Done() <-chan struct{} { return nil }

package probe_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/probe"
)

// app is an application with correct sessions in memory.
type app struct {
	mu       sync.Mutex
	last     int
	sessions map[string]*content // by session ID
	broken   error               // what every call answers, if anything
}

type content struct {
	principal string
	tokens    map[string][]string
	n         int64
	over      chan struct{}
}

func newApp() *app { return &app{sessions: map[string]*content{}} }

func (a *app) of(r *http.Request) (string, *content) {
	c, err := r.Cookie("sid")
	if err != nil {
		return "", nil
	}
	return c.Value, a.sessions[c.Value]
}

func (a *app) put(w http.ResponseWriter, c *content) {
	a.last++
	id := fmt.Sprintf("id-%d", a.last)
	a.sessions[id] = c
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: id, Path: "/", HttpOnly: true})
}

// change calls f with the request's session, under the lock.
func (a *app) change(r *http.Request, f func(id string, c *content)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken != nil {
		return a.broken
	}
	id, c := a.of(r)
	if c == nil {
		return fmt.Errorf("change: %w", probe.ErrAnonymous)
	}
	f(id, c)
	return nil
}

func (a *app) principal(_ http.ResponseWriter, r *http.Request) (who string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, c := a.of(r); c != nil {
		who = c.principal
	}
	return who, nil
}

func (a *app) signIn(w http.ResponseWriter, r *http.Request, principal string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id, c := a.of(r); c != nil {
		delete(a.sessions, id)
	}
	a.put(w, &content{principal: principal, tokens: map[string][]string{}, over: make(chan struct{})})
	return a.broken
}

func (a *app) calls() probe.Calls {
	return probe.Calls{
		Principal: a.principal,
		SignIn:    a.signIn,
		SignOut: func(w http.ResponseWriter, r *http.Request) error {
			return a.change(r, func(id string, c *content) {
				delete(a.sessions, id)
				close(c.over)
				http.SetCookie(w, &http.Cookie{Name: "sid", MaxAge: -1, Path: "/"})
			})
		},
		Renew: func(w http.ResponseWriter, r *http.Request) error {
			return a.change(r, func(id string, c *content) {
				delete(a.sessions, id)
				a.put(w, c)
			})
		},
		Append: func(_ http.ResponseWriter, r *http.Request, key, token string) error {
			return a.change(r, func(_ string, c *content) { c.tokens[key] = append(c.tokens[key], token) })
		},
		State: func(_ http.ResponseWriter, r *http.Request) (s probe.State, err error) {
			err = a.change(r, func(_ string, c *content) {
				for _, t := range c.tokens {
					s.Tokens = append(s.Tokens, t...)
				}
				slices.Sort(s.Tokens)
				s.N = c.n
			})
			return s, err
		},
		Increment: func(_ http.ResponseWriter, r *http.Request) (n int64, err error) {
			err = a.change(r, func(_ string, c *content) { c.n++; n = c.n })
			return n, err
		},
		Done: func(r *http.Request) <-chan struct{} {
			a.mu.Lock()
			defer a.mu.Unlock()
			if _, c := a.of(r); c != nil {
				return c.over
			}
			return nil
		},
	}
}

var errBroken = errors.New("the store is on fire")

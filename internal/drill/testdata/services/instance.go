package main

import (
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/probe"
)

const cookieName = "sid"

// fault is what is wrong with a service.
type fault struct {
	// sessions makes the sessions of an instance; nil are healthy ones.
	sessions func(name string, s shared) sessions
	// web stands before the application; nil is nothing.
	web func(http.Handler) http.Handler
	// grace is how long requests have to end after SIGTERM, as serve says.
	grace time.Duration
}

// instance is the application; its streams end when it is leaving.
func instance(o options, f fault, leaving <-chan struct{}) (http.Handler, error) {
	healthy := shared{newRemote(o.store)}
	var kept sessions = healthy
	if f.sessions != nil {
		kept = f.sessions(o.name, healthy)
	}
	h, err := probe.New(os.Getenv("EVENKEEL_PROBE_SECRET"), calls(kept, leaving),
		probe.Options{Instance: o.name, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return nil, err
	}
	if f.web == nil {
		return h, nil
	}
	return f.web(h), nil
}

func calls(s sessions, leaving <-chan struct{}) probe.Calls {
	return probe.Calls{
		Principal: func(_ http.ResponseWriter, r *http.Request) (string, error) {
			return s.principal(idOf(r), !strings.HasSuffix(r.URL.Path, "/stream"))
		},
		SignIn: func(w http.ResponseWriter, r *http.Request, principal string) error {
			id, err := s.signIn(idOf(r), principal)
			return give(w, id, err)
		},
		SignOut: func(w http.ResponseWriter, r *http.Request) error {
			http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1})
			return s.signOut(idOf(r))
		},
		Renew: func(w http.ResponseWriter, r *http.Request) error {
			id, err := s.renew(idOf(r))
			return give(w, id, err)
		},
		Append: func(_ http.ResponseWriter, r *http.Request, key, token string) error {
			return s.append(idOf(r), key, token)
		},
		State: func(_ http.ResponseWriter, r *http.Request) (probe.State, error) {
			c, err := s.state(idOf(r))
			if err != nil {
				return probe.State{}, err
			}
			return probe.State{Tokens: c.all(), N: c.N}, nil
		},
		Increment: func(_ http.ResponseWriter, r *http.Request) (int64, error) { return s.increment(idOf(r)) },
		Done:      func(*http.Request) <-chan struct{} { return leaving },
	}
}

// all are the tokens of all keys.
func (c *content) all() []string {
	var tokens []string
	for _, list := range c.Tokens {
		tokens = append(tokens, list...)
	}
	slices.Sort(tokens)
	return tokens
}

func idOf(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

func give(w http.ResponseWriter, id string, err error) error {
	if err == nil {
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", HttpOnly: true})
	}
	return err
}

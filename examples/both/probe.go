package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/probe"
	"github.com/evenkeel/evenkeel/session"
)

var tickets = session.NewCounter("tickets")

// tokens is the list of one of a drill's keys.
const tokens = "tokens_"

// calls let a drill use the sessions that everybody uses.
func calls() probe.Calls {
	of := func(r *http.Request) *session.Session { return session.From(r.Context()) }
	return probe.Calls{
		Principal: func(_ http.ResponseWriter, r *http.Request) (string, error) {
			if err := of(r).Load(); err != nil { // unknown is not absent
				return "", err
			}
			return of(r).Principal(), nil
		},
		SignIn: func(_ http.ResponseWriter, r *http.Request, principal string) error {
			return told(of(r).SignIn(principal))
		},
		SignOut: func(_ http.ResponseWriter, r *http.Request) error { return told(of(r).SignOut()) },
		Renew:   func(_ http.ResponseWriter, r *http.Request) error { return told(of(r).Renew()) },
		Append: func(_ http.ResponseWriter, r *http.Request, key, token string) error {
			return told(session.NewList[string](tokens+key).Append(of(r), token))
		},
		State: func(_ http.ResponseWriter, r *http.Request) (probe.State, error) { return state(of(r)) },
		Increment: func(_ http.ResponseWriter, r *http.Request) (int64, error) {
			n, err := tickets.Add(r.Context(), of(r), 1)
			return n, told(err)
		},
		Done: func(r *http.Request) <-chan struct{} {
			return either(r.Context(), of(r).Done(), drain.Leaving(r.Context()))
		},
	}
}

// either is closed when a or b is, or ctx ends.
func either(ctx context.Context, a, b <-chan struct{}) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-a:
		case <-b:
		case <-ctx.Done():
		}
	}()
	return done
}

// state is all that a drill has put into the session.
func state(s *session.Session) (probe.State, error) {
	var all probe.State
	names, err := s.Keys()
	if err != nil {
		return all, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, tokens) {
			continue
		}
		values, err := session.NewList[string](name).Values(s)
		if err != nil {
			return all, err
		}
		all.Tokens = append(all.Tokens, values...)
	}
	all.N, err = tickets.Value(s)
	return all, err
}

// told says in the probe's words that the session has ended.
func told(err error) error {
	if errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrSuperseded) || errors.As(err, new(session.ErrGone)) {
		return probe.ErrAnonymous
	}
	return err
}

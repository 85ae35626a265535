package shop

import (
	"context"
	"errors"
	"net/http"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/probe"
)

// probePath is where a drill calls, and drillers the names of its users.
const (
	probePath = "/probe/"
	drillers  = "drill:"
)

// probeCalls let a drill be a customer: what it appends lies in the cart, and
// what it reads back is the cart, of the same sessions that the pages use.
func probeCalls(s Sessions) probe.Calls {
	return probe.Calls{
		Principal: func(_ http.ResponseWriter, r *http.Request) (string, error) {
			user, err := s.Visit(r).User()
			return user, anonymous(err)
		},
		SignIn: func(_ http.ResponseWriter, r *http.Request, principal string) error {
			return anonymous(s.Visit(r).SignIn(principal))
		},
		SignOut: func(_ http.ResponseWriter, r *http.Request) error { return anonymous(s.Visit(r).SignOut()) },
		Renew:   func(_ http.ResponseWriter, r *http.Request) error { return anonymous(s.Visit(r).Renew()) },
		Append: func(_ http.ResponseWriter, r *http.Request, key, token string) error {
			return anonymous(s.Visit(r).Add(keyed(key), token))
		},
		State: func(_ http.ResponseWriter, r *http.Request) (probe.State, error) {
			state, err := state(s.Visit(r))
			return state, anonymous(err)
		},
		Increment: func(_ http.ResponseWriter, r *http.Request) (int64, error) {
			n, err := s.Visit(r).Ticket(r.Context())
			return n, anonymous(err)
		},
		Done: func(r *http.Request) <-chan struct{} {
			return either(r.Context(), s.Visit(r).Done(), drain.Leaving(r.Context()))
		},
	}
}

// anonymous says in the probe's words that the session has ended.
func anonymous(err error) error {
	if errors.Is(err, ErrEnded) {
		return probe.ErrAnonymous
	}
	return err
}

// keyed is the department that a key stands for, by its last byte: k0 to k7 are
// all eight.
func keyed(key string) string { return stock[int(key[len(key)-1])%len(stock)].Name }

func state(v Visit) (probe.State, error) {
	lines, err := v.Cart()
	if err != nil {
		return probe.State{}, err
	}
	n, err := v.Tickets()
	if err != nil {
		return probe.State{}, err
	}
	state := probe.State{N: n}
	for _, l := range lines {
		state.Tokens = append(state.Tokens, l.Item)
	}
	return state, nil
}

// either is closed when a or b is; its goroutine ends with ctx, too.
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

package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// ErrTarget is returned by Run when the service cannot be reached, or does not
// let the drill in.
var ErrTarget = errors.New("target cannot be drilled")

const (
	scoutName     = "scout"
	scoutAttempts = 3
	// presentations is how often a cookie is presented alone: of three
	// instances with sessions in memory one knows it, and all twelve
	// attempts miss that one in fewer than 1 % of cases.
	presentations = 12
)

// Scout signs in as "scout", finds out which calls there are and which cookie
// is the session's: affinity cookies are given at a login too, and it is the
// one that opens the session when it is presented alone. The scout's requests
// are in no history.
func (p Probe) Scout(ctx context.Context, c *Client) (Dialect, error) {
	u := c.User()
	defer u.Close()
	x, err := p.scoutLogin(ctx, u)
	if err != nil {
		return nil, err
	}
	given := cookiesGiven(x.Header)
	if p.Cookie == "" {
		if len(given) == 0 {
			return nil, fmt.Errorf("%w: the login at %s sets no cookie", ErrTarget, c.entrances[0].host)
		}
		if p.Cookie, err = p.sessionCookie(ctx, u, given); err != nil {
			return nil, err
		}
	}
	p.missing[history.Stream] = !p.streams(ctx, u, c.opt.Timeout)
	for _, k := range []history.Kind{history.State, history.Append, history.Incr, history.Rotate, history.Slow, history.Logout} {
		x, err := u.Do(ctx, p.Request(Call{Kind: k, Key: "k0", Token: scoutName}))
		if err != nil {
			return nil, err
		}
		p.missing[k] = x.Status == http.StatusNotFound
	}
	return p, nil
}

func (p Probe) scoutLogin(ctx context.Context, u *User) (Exchange, error) {
	var x Exchange
	for range scoutAttempts {
		var err error
		if x, err = u.Do(ctx, p.Request(Call{Kind: history.Login, User: scoutName})); err != nil {
			return x, err
		}
		if x.Failure == nil {
			break
		}
	}
	switch {
	case x.Status == http.StatusOK:
		return x, nil
	case x.Status == http.StatusNotFound || x.Status == http.StatusForbidden:
		return x, fmt.Errorf("%w: the probe's login answers %d: is it on, at this prefix, with this secret", ErrTarget, x.Status)
	case x.Status != 0:
		return x, fmt.Errorf("%w: the probe's login answers %d", ErrTarget, x.Status)
	}
	return x, fmt.Errorf("%w: the probe's login: %s: %w", ErrTarget, x.Failure.What, x.Err)
}

func cookiesGiven(h http.Header) []*http.Cookie {
	var given []*http.Cookie
	for _, line := range h["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.MaxAge >= 0 && c.Value != "" {
			given = append(given, c)
		}
	}
	return given
}

// sessionCookie finds the one that opens the session alone. If none does (the
// service keeps it from scouting, or needs two), it is the longest of those
// that scripts cannot read.
func (p Probe) sessionCookie(ctx context.Context, u *User, given []*http.Cookie) (string, error) {
	if len(given) == 1 {
		return given[0].Name, nil
	}
	for range presentations {
		for _, c := range given {
			req := p.Request(Call{Kind: history.Replay})
			req.Cookie = c.Name + "=" + valueOf(c)
			x, err := u.Do(ctx, req)
			if err != nil {
				return "", err
			}
			if x.Failure == nil && x.Status == http.StatusOK {
				return c.Name, nil
			}
		}
	}
	return slices.MaxFunc(given, func(a, b *http.Cookie) int {
		if a.HttpOnly != b.HttpOnly {
			if a.HttpOnly {
				return 1
			}
			return -1
		}
		return len(a.Value) - len(b.Value)
	}).Name, nil
}

package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PrincipalOptions bound the sessions that a principal has at once, and tell
// them apart. They need a store with the ability [Principals].
type PrincipalOptions struct {
	// Max is how many sessions a principal may have; zero is no bound. A
	// sign-in beyond it ends the session that was signed in first, with
	// ReasonEvicted.
	Max int
	// Refuse lets a sign-in beyond Max fail instead, with ErrTooMany.
	Refuse bool
	// Device describes the client of a request that signs in, for Listed.
	// Nil is its User-Agent. What is left out: control and formatting
	// characters, invalid UTF-8, and what is beyond MaxDeviceBytes.
	Device func(*http.Request) string
}

func (o PrincipalOptions) check() error {
	switch {
	case o.Max < 0:
		return errors.New("session: Options.Sessions.Max is negative")
	case o.Refuse && o.Max == 0:
		return errors.New("session: Options.Sessions.Refuse needs a Max to refuse at")
	}
	return nil
}

// device describes the client of r, which may be nil.
func (m *Manager) device(r *http.Request) string {
	switch {
	case m.principals == nil || r == nil:
		return ""
	case m.opt.Sessions.Device != nil:
		return cleanDevice(m.opt.Sessions.Device(r))
	}
	return cleanDevice(r.UserAgent())
}

// cleanDevice is what of s may be stored and shown.
func cleanDevice(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, s[:min(len(s), 4*MaxDeviceBytes)])
	cut := min(len(s), MaxDeviceBytes)
	for cut < len(s) && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// callsAtOnce is how many calls of the store one about all sessions of a
// principal stands for, in its budget.
const callsAtOnce = 20

// about bounds what is about all sessions of a principal.
func (m *Manager) about(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callsAtOnce*m.opt.Budget)
}

// Sessions returns the sessions of a principal that can be used, the one
// signed in first first; none is no error. It takes 20 Options.Budget at most.
// A store without the ability is ErrUnsupported.
func (m *Manager) Sessions(ctx context.Context, principal string) ([]Listed, error) {
	if err := m.able(principal); err != nil {
		return nil, fmt.Errorf("session: sessions of a principal: %w", err)
	}
	within, cancel := m.about(ctx)
	defer cancel()
	list, err := m.principals.Sessions(within, principal)
	if m.noted(ctx, err) != nil {
		return nil, fmt.Errorf("session: sessions of a principal: %w", err)
	}
	return list, nil
}

// Revoke ends sessions of a principal, for good, and returns how many. Their
// next requests are told so ([Session.Gone]), streams within Options.Recheck.
//
// Once begun it goes on when ctx ends; it takes 20 Options.Budget at most.
// After an error some sessions may be left: call it again, which is always
// safe. ErrMalformed is a Revocation that contradicts itself, ErrUnsupported a
// store without the ability.
func (m *Manager) Revoke(ctx context.Context, principal string, r Revocation) (int, error) {
	err := m.able(principal)
	if err == nil && r.Only != "" && r.Except != "" {
		err = fmt.Errorf("%w: Only and Except", ErrMalformed)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return 0, fmt.Errorf("session: revoke: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	within, cancel := m.about(ctx)
	defer cancel()
	n, err := m.principals.Revoke(within, principal, r)
	m.count.revoked.Add(int64(n))
	if m.noted(ctx, err) != nil {
		return n, fmt.Errorf("session: revoke: %w", err)
	}
	return n, nil
}

// RevokeOthers ends all sessions of this session's principal but this one, as
// after a change of the password, and returns how many. A staged SignIn counts
// as done; what the response commits later ends nothing of it. The session is
// read again first, so that one that has ended meanwhile ends no other.
//
// Errors: ErrNotFresh if nobody is signed in, ErrDone after the handler, and
// those of [Session.Reload] and [Manager.Revoke].
func (s *Session) RevokeOthers(ctx context.Context) (int, error) {
	if err := s.take(ctx); err != nil {
		return 0, err
	}
	defer func() { <-s.turn }()
	err := s.read(true)
	s.mu.Lock()
	principal, _ := s.signedIn()
	var this Key
	if s.cur.base != nil {
		this = s.cur.cred.key
	}
	switch {
	case s.phase == phaseDone:
		err = ErrDone
	case s.broken != nil:
		err = s.broken
	case err != nil && !absent(err):
	case principal == "":
		err = ErrNotFresh
	default:
		err = nil
	}
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return s.m.Revoke(ctx, principal, Revocation{Except: this})
}

// able tells why the store cannot be asked about a principal.
func (m *Manager) able(principal string) error {
	switch {
	case m.principals == nil:
		return ErrUnsupported
	case principal == "":
		return fmt.Errorf("%w: no principal", ErrMalformed)
	}
	return nil
}

// noted takes note of how a call about a principal ended, for who waited until
// ctx is done, and returns err.
func (m *Manager) noted(ctx context.Context, err error) error {
	switch {
	case err == nil:
		m.answers()
	case !answered(err) && ctx.Err() == nil:
		m.fails(err)
	}
	return err
}

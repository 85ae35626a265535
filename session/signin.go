package session

import (
	"fmt"
	"time"
)

// maxPrincipal bounds the name that every record of a principal holds.
const maxPrincipal = 512

// SignInOptions say how long a sign-in lasts. The zero value is as the manager
// does it; to remember somebody is Persistent and longer timeouts.
type SignInOptions struct {
	// IdleTimeout is the session's from now on; zero is Options.IdleTimeout.
	IdleTimeout time.Duration
	// AbsoluteTimeout is how long after now the session ends whatever happens
	// in it; zero is Options.AbsoluteTimeout, negative is never.
	AbsoluteTimeout time.Duration
	// Persistent lets this session's cookie outlive the browser, as
	// CookieOptions.Persistent does it for all.
	Persistent bool
}

// signingIn is a staged sign-in.
type signingIn struct {
	principal string
	device    string
	opt       SignInOptions
}

// SignIn is SignInWith and no options.
func (s *Session) SignIn(principal string) error { return s.SignInWith(principal, SignInOptions{}) }

// SignInWith stages that the session becomes principal's. What is committed:
//
//   - Without a session, a new one.
//   - A session of nobody's, or of the same principal's, keeps its attributes
//     and gets a new verifier and new timeouts. From then on the old
//     cookie opens nothing, and requests that were loaded with it can neither
//     change what this request sets or removes nor privileged attributes.
//   - A session of another principal's is invalidated and a new one started.
//     No attribute crosses, nor does what this request has staged so far. The
//     new one is started first: if the old one then cannot be invalidated, the
//     commit fails, the browser keeps its cookie and the old session, and the
//     new one, whose cookie nobody got, expires within [UnconfirmedLife].
//
// A request whose cookie has been superseded may sign in, alone of all
// changes: it starts a new session, because whoever just proved who they are
// must not be locked out by a response that they never received.
//
// Errors: ErrMalformed for no principal or an IdleTimeout that is negative or
// below a millisecond, ErrStarted once the response has begun, ErrDone after
// the handler, ErrLimit for a principal of more than 512 bytes, and those of
// Load. The commit fails with ErrTooMany where Options.Sessions refuses.
func (s *Session) SignInWith(principal string, opt SignInOptions) error {
	switch {
	case principal == "":
		return fmt.Errorf("session: sign-in: %w: no principal", ErrMalformed)
	case len(principal) > maxPrincipal:
		return fmt.Errorf("session: sign-in: %w: principal of more than %d bytes", ErrLimit, maxPrincipal)
	case opt.IdleTimeout != 0 && opt.IdleTimeout < time.Millisecond:
		return fmt.Errorf("session: sign-in: %w: idle timeout of %v", ErrMalformed, opt.IdleTimeout)
	}
	err := s.begin()
	outdated := superseded(err)
	if err != nil && !outdated {
		return err
	}
	in := &signingIn{principal: principal, device: s.m.device(s.req), opt: opt}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.lateForCookie(); err != nil {
		return err
	}
	if outdated {
		s.forget()
	}
	if owner, _ := s.signedIn(); owner != "" && owner != principal {
		s.leave()
	}
	s.pending.signIn = in
	return nil
}

// signedIn is who is signed in, and since when by the store's clock, with what
// is staged already done; mu is held.
func (s *Session) signedIn() (principal string, since time.Time) {
	switch {
	case s.pending.signIn != nil:
		return s.pending.signIn.principal, millis(s.m.clock.now())
	case s.inflight.signIn != nil:
		return s.inflight.signIn.principal, millis(s.m.clock.now())
	case s.cur.base != nil:
		return s.cur.base.Principal, s.cur.base.Authenticated
	}
	return "", time.Time{}
}

// Authenticated returns when the principal last signed in, by the store's
// clock; a staged SignIn is now. It is zero if nobody is signed in. If the
// session cannot be read, see Principal.
func (s *Session) Authenticated() time.Time {
	if s.mustLoad() != nil {
		return time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, since := s.signedIn()
	return since
}

// RequireFresh is for what needs a password that was asked for just now: its
// error is ErrNotFresh if nobody is signed in, or if the sign-in is longer ago
// than most, by the store's clock; a staged SignIn is now. Other errors are
// those of Load.
//
// It asks how old the sign-in is. That the session itself is not read from a
// copy is a matter of Options.Fresh.
func (s *Session) RequireFresh(most time.Duration) error {
	if err := s.Load(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	principal, since := s.signedIn()
	if principal == "" || s.m.clock.now().Sub(since) > most {
		return ErrNotFresh
	}
	return nil
}

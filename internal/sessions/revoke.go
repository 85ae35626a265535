package sessions

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// Target says which sessions to end: some by name, or a principal's.
type Target struct {
	Sessions  []session.Key
	Principal string
	Except    session.Key // of the principal's
}

// Check says what is wrong with a target.
func (t Target) Check() error {
	switch {
	case len(t.Sessions) == 0 && t.Principal == "":
		return errors.New("nothing to revoke: name sessions, or a principal with --principal")
	case len(t.Sessions) > 0 && t.Principal != "":
		return errors.New("name either sessions or --principal, not both")
	case t.Except != "" && t.Principal == "":
		return errors.New("--except is for --principal")
	}
	return nil
}

// Text says what would be ended, for a question.
func (t Target) Text() string {
	switch {
	case t.Except != "":
		return fmt.Sprintf("all sessions of %s but %s", clip(t.Principal, 60), t.Except)
	case t.Principal != "":
		return "all sessions of " + clip(t.Principal, 60)
	case len(t.Sessions) == 1:
		return "session " + clip(string(t.Sessions[0]), 40)
	}
	return fmt.Sprintf("%d sessions", len(t.Sessions))
}

// Revoke ends sessions and writes how many it has ended. What has ended before
// is no error.
func Revoke(ctx context.Context, s Store, t Target, out Output) error {
	if err := t.Check(); err != nil {
		return err
	}
	n, err := revoke(ctx, s, t)
	if out.JSON {
		result := struct {
			Schema  string `json:"schema"`
			Revoked int    `json:"revoked"`
			Error   string `json:"error,omitempty"`
		}{Schema: Schema, Revoked: n}
		if err != nil {
			result.Error = err.Error()
		}
		return errors.Join(out.json(result), err)
	}
	if err != nil {
		return fmt.Errorf("%d ended, then: %w; run it again to finish", n, err)
	}
	_, err = fmt.Fprintf(out.W, "%d ended\n", n)
	return err
}

func revoke(ctx context.Context, s Store, t Target) (int, error) {
	if t.Principal != "" {
		return s.Revoke(ctx, t.Principal, session.Revocation{Except: t.Except})
	}
	ended := 0
	for _, key := range t.Sessions {
		done, err := one(ctx, s, key)
		if err != nil {
			return ended, fmt.Errorf("session %s: %w", clip(string(key), 40), err)
		}
		if done {
			ended++
		}
	}
	return ended, nil
}

// one ends one session, whosever it is. A renewal or a sign-in that comes
// between makes it look again.
func one(ctx context.Context, s Store, key session.Key) (bool, error) {
	for {
		r, err := s.Inspect(ctx, key)
		if errors.Is(err, session.ErrNotFound) || err == nil && r.Gone != "" {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if r.Principal != "" {
			n, err := s.Revoke(ctx, r.Principal, session.Revocation{Only: key})
			return n > 0, err
		}
		_, err = s.Commit(ctx, key, session.Change{
			WriteID: rand.Text(), Base: r.Version, Generation: r.Generation,
			NotAfter: r.Now.Add(10 * time.Second), Invalidate: session.ReasonRevoked,
		})
		if !errors.Is(err, session.ErrSuperseded) {
			return err == nil, err
		}
	}
}

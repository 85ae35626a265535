package index

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// maxRounds bounds how often a call starts again because others were faster.
const maxRounds = 8

// Register announces the commit of c, which has a SignIn, to the session of
// key. It returns what the commit must have as SignIn.Epoch. It must have the
// NotAfter that Register had. To repeat it with the same WriteID, because the
// commit is repeated or Register's outcome is open, is one sign-in.
//
// Sessions that have to go before this one comes have been destroyed when it
// returns, with the exception that the package doc names.
//
// Its errors are ErrTooMany, ErrGone (the session itself is to be ended),
// ErrNotFound, ErrPrincipal, ErrLate, ErrFormat, ErrMalformed and ErrLimit,
// after which the commit must not be sent and nothing is left behind. Any other
// leaves the outcome open: the entry may be there and counts until NotAfter.
func (ix *Index) Register(ctx context.Context, key session.Key, c session.Change) (int64, error) {
	if err := check(key, &c); err != nil {
		return 0, err
	}
	examined := "" // what the session's entry was then
	for range maxRounds {
		s, r, err := ix.run(ctx, ix.scripts.register, c.SignIn.Principal, ix.registerArgs(key, &c, examined)...)
		if err != nil {
			return 0, fmt.Errorf("register a sign-in: %w", err)
		}
		switch s {
		case statusOK:
			return ix.registered(ctx, key, &c, r)
		case statusLate:
			now, err := r.number(0)
			return 0, errors.Join(session.ErrLate{Now: time.UnixMilli(now).UTC()}, err)
		case statusMany:
			return 0, session.ErrTooMany
		case statusGone:
			err = ix.registerGone(ctx, key, &c, r)
		case statusLost:
			_, err = ix.Restore(ctx, c.SignIn.Principal, 0)
		case statusOver, statusCrowded:
			var done int64
			if examined, done, err = ix.registerMany(ctx, key, &c, s, r); done != 0 {
				return done, nil
			}
		default:
			err = fmt.Errorf("register a sign-in: the script replied %q", s)
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, errBusy
}

// Unregister takes back what Register announced, when the commit of c was
// refused: it has returned one of session.Store's errors, and c was no Retry,
// whose first attempt may still have been applied. Without it the entry counts
// until NotAfter.
func (ix *Index) Unregister(ctx context.Context, key session.Key, c session.Change) error {
	if err := check(key, &c); err != nil {
		return err
	}
	_, _, err := ix.run(ctx, ix.scripts.unregister, c.SignIn.Principal, string(key), c.WriteID)
	if err != nil {
		return fmt.Errorf("unregister a sign-in: %w", err)
	}
	return nil
}

func check(key session.Key, c *session.Change) error {
	switch {
	case !validKey(key):
		return fmt.Errorf("%w: a session's key has 16 characters of base64url", session.ErrMalformed)
	case c.SignIn == nil:
		return fmt.Errorf("%w: no sign-in", session.ErrMalformed)
	}
	return c.Check()
}

// validKey tells whether key is one that a session can have.
func validKey(key session.Key) bool {
	raw, err := base64.RawURLEncoding.DecodeString(string(key))
	return err == nil && len(key) == 16 && len(raw) == 12
}

func (ix *Index) registerArgs(key session.Key, c *session.Change, examined string) []string {
	in := c.SignIn
	absolute := int64(0)
	if !in.Absolute.IsZero() {
		absolute = max(firstAfter(in.Absolute), 1)
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		ix.clock(), string(key), c.WriteID, number(firstAfter(c.NotAfter)), number(absolute), in.Device,
		number(int64(in.MaxSessions)), flag(in.Refuse), examined, number(int64(ix.sizes.page)),
		number(int64(ix.sizes.crowd)), number(int64(ix.sizes.sample)), string(session.ReasonEvicted),
	}
}

// firstAfter is the first millisecond that is not before t: where NotAfter is
// within a millisecond, a commit in that one may still be applied. It is in the
// bounds of what the scripts count with.
func firstAfter(t time.Time) int64 {
	const most = 1 << 52
	switch s := t.Unix(); {
	case s < 0:
		return 0
	case s > most/1000:
		return most
	}
	return t.Add(time.Millisecond - time.Nanosecond).UnixMilli()
}

// registered finishes what the script found doomed, or has doomed, and looks
// at the entries that it chose.
func (ix *Index) registered(ctx context.Context, key session.Key, c *session.Change, r reply) (int64, error) {
	epoch, err0 := r.epoch(0)
	doomed, err1 := r.entries(1)
	sample, err2 := r.entries(2)
	number, err3 := r.number(3)
	count, err4 := r.number(4)
	if err := errors.Join(err0, err1, err2, err3, err4); err != nil {
		return 0, fmt.Errorf("register a sign-in: %w", err)
	}
	in := c.SignIn
	more, sample := epoch.split(sample)
	for i := range more {
		if !slices.ContainsFunc(doomed, func(e entry) bool { return e.key == more[i].key }) {
			doomed = append(doomed, more[i])
		}
	}
	part, cancel := share(ctx)
	defer cancel()
	f := ix.finish(part, in.Principal, epoch, doomed)
	ix.prune(part, in.Principal, ix.looks(part, sample))
	if f.left == 0 {
		return number, nil
	}
	if in.Refuse && in.MaxSessions > 0 && int(count)+f.left > in.MaxSessions {
		return 0, errors.Join(f.err(), ix.Unregister(ctx, key, *c))
	}
	ix.opt.Hook(link.Event{Kind: VictimsLeft, Count: int64(f.left), Text: f.err().Error()})
	return number, nil
}

// registerGone finishes the session that is to sign in, which is doomed. Only
// if it was doomed for a sign-in that never came does it live.
func (ix *Index) registerGone(ctx context.Context, key session.Key, c *session.Change, r reply) error {
	epoch, err0 := r.epoch(0)
	own, err1 := r.entries(1)
	if err := errors.Join(err0, err1); err != nil {
		return fmt.Errorf("register a sign-in: %w", err)
	}
	if f := ix.finish(ctx, c.SignIn.Principal, epoch, own); f.left > 0 {
		return f.err()
	}
	rec, _, err := ix.records.Look(ctx, key)
	if err != nil {
		return fmt.Errorf("register a sign-in: %w", err)
	}
	if rec == nil || rec.Gone != "" {
		return session.ErrGone{Reason: epoch.doom(&own[0])}
	}
	return nil
}

package index

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
// ErrNotFound, ErrPrincipal, ErrLate, ErrFormat, ErrMalformed and ErrLimit, after which the commit must
// not be sent and nothing is left behind. Any other leaves the outcome open:
// the entry may be there and counts until NotAfter.
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
			_, err = ix.Restore(ctx, c.SignIn.Principal)
		case statusOver, statusCrowded:
			var done int64
			if examined, done, err = ix.registerMany(ctx, key, &c, s, r); done != 0 {
				return done, nil
			}
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
		absolute = max(in.Absolute.UnixMilli(), 1)
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		ix.clock(), string(key), c.WriteID, number(max(c.NotAfter.UnixMilli(), 0)), number(absolute), in.Device,
		number(int64(in.MaxSessions)), flag(in.Refuse), examined, number(int64(ix.sizes.page)),
		number(int64(ix.sizes.crowd)), number(int64(ix.sizes.sample)), string(session.ReasonEvicted),
	}
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

// registerMany makes room where there are too many entries, or more than one
// script reads. It returns what the session's own was, and the number of the
// sign-in if the session is the principal's by it already: then it was counted
// before, and nobody has to go for it.
func (ix *Index) registerMany(ctx context.Context, key session.Key, c *session.Change, s status, r reply) (seen string, done int64, err error) {
	if seen, err = r.text(0); err != nil {
		return "", 0, fmt.Errorf("register a sign-in: %w", err)
	}
	var others []entry
	if s == statusOver {
		if others, err = r.entries(1); err != nil {
			return "", 0, fmt.Errorf("register a sign-in: %w", err)
		}
	}
	part, cancel := share(ctx)
	defer cancel()
	list := ix.looks(part, append(others, entry{key: key}))
	own := &list[len(others)]
	if done := own.applied(c, seen); done != 0 {
		return seen, done, nil
	}
	if err := own.takes(c); err != nil {
		return "", 0, err
	}
	if s == statusCrowded {
		return seen, 0, ix.thin(ctx, key, c)
	}
	ix.prune(part, c.SignIn.Principal, list[:len(others)])
	return seen, 0, nil
}

// applied is the number of the sign-in of c if the session is the principal's
// by it, else 0. seen is the session's entry behind a plus sign.
func (l *look) applied(c *session.Change, seen string) int64 {
	raw, ok := strings.CutPrefix(seen, "+")
	if !ok || !l.holds(c.SignIn.Principal) {
		return 0
	}
	e, err := decodeEntry(l.entry.key, raw)
	if err != nil {
		return 0 // the script will tell
	}
	if by := e.by(l.rec.Epoch); by != nil && by.write == c.WriteID {
		return by.number
	}
	return 0
}

// takes refuses a sign-in that the session certainly does not take, so that
// nobody is evicted for it.
func (l *look) takes(c *session.Change) error {
	switch rec := l.rec; {
	case l.err != nil:
		return nil // its commit will tell
	case rec != nil && rec.Gone != "":
		return session.ErrGone{Reason: rec.Gone}
	case rec == nil && c.Start == nil:
		return session.ErrNotFound
	case rec != nil && rec.Principal != "" && rec.Principal != c.SignIn.Principal:
		return session.ErrPrincipal
	}
	return nil
}

// thin makes room where there are more entries than one script reads.
func (ix *Index) thin(ctx context.Context, key session.Key, c *session.Change) error {
	in := c.SignIn
	epoch, doomed, others, partial, err := ix.state(ctx, in.Principal)
	if err != nil {
		return err
	}
	if errors.Is(partial, session.ErrFormat) {
		return partial
	}
	ix.finish(ctx, in.Principal, epoch, doomed)
	others = slices.DeleteFunc(others, func(e entry) bool { return e.key == key })
	alive := ix.prune(ctx, in.Principal, ix.looks(ctx, others))
	excess := len(alive) + 1 - in.MaxSessions
	if excess <= 0 {
		return nil
	}
	if in.Refuse {
		return session.ErrTooMany
	}
	slices.SortFunc(alive, func(a, b look) int { return byAge(a.entry, b.entry) })
	var victims []change
	for _, l := range alive[:excess] {
		victims = append(victims, change{old: l.entry, next: l.entry.marked(session.ReasonEvicted).raw})
	}
	done, err := ix.settle(ctx, in.Principal, victims)
	if err != nil {
		return err
	}
	var marked []entry
	for i := range done {
		if done[i] {
			marked = append(marked, victims[i].old.marked(session.ReasonEvicted))
		}
	}
	ix.finish(ctx, in.Principal, epoch, marked)
	return nil
}

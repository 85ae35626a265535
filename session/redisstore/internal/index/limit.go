package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/session"
)

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
	asked, fresh := others, c.Start != nil && !c.Retry
	if !fresh { // there may be something to know of the session itself
		asked = append(asked, entry{key: key})
	}
	list := ix.looks(part, asked)
	if !fresh {
		own := &list[len(others)]
		if done := own.applied(c, seen); done != 0 {
			return seen, done, nil
		}
		if err := own.takes(c); err != nil {
			return "", 0, err
		}
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

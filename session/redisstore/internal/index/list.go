package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/session"
)

// Sessions implements session.Principals. A session that is to be ended is not
// listed, also if it could not be reached; one whose record cannot be read is
// an error.
func (ix *Index) Sessions(ctx context.Context, principal string) ([]session.Listed, error) {
	if principal == "" {
		return nil, errNoPrincipal
	}
	epoch, doomed, others, partial, err := ix.state(ctx, principal)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	ix.finish(ctx, principal, epoch, doomed)
	alive := ix.prune(ctx, principal, ix.looks(ctx, others))
	slices.SortFunc(alive, func(a, b look) int { return byAge(a.entry, b.entry) })
	var list []session.Listed
	for i := range alive {
		l := &alive[i]
		if l.err != nil {
			return nil, fmt.Errorf("list sessions: %w", l.err)
		}
		if l.holds(principal) && epoch.Admits(l.entry.key, l.rec.Epoch) {
			list = append(list, l.listed())
		}
	}
	if partial != nil {
		return nil, fmt.Errorf("list sessions: %w", partial)
	}
	return list, nil
}

func (l *look) listed() session.Listed {
	by := l.entry.by(l.rec.Epoch)
	if by == nil {
		by = l.entry.newest()
	}
	return session.Listed{
		Key:        l.entry.key,
		Device:     by.device,
		Created:    l.rec.Created,
		SignedIn:   l.rec.Authenticated,
		Accessed:   l.rec.Accessed,
		Expires:    l.rec.Expires(),
		Persistent: l.rec.Persistent,
	}
}

package index

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// look is what an entry's record says.
type look struct {
	entry *entry
	rec   *session.Record // nil if there is none
	now   time.Time       // the record's clock, before it was read
	err   error           // then nothing is known
}

// looks asks for the records of entries.
func (ix *Index) looks(ctx context.Context, entries []entry) []look {
	list := make([]look, len(entries))
	ix.each(len(entries), func(i int) {
		l := look{entry: &entries[i]}
		l.rec, l.now, l.err = ix.records.Look(ctx, entries[i].key)
		list[i] = l
	})
	return list
}

// holds tells whether the record is the principal's session.
func (l *look) holds(principal string) bool {
	return l.err == nil && l.rec != nil && l.rec.Gone == "" && l.rec.Principal == principal
}

// dead tells whether the session certainly is not the principal's and never
// will be by a sign-in that the entry knows of: the session has ended, or is
// another's, or no sign-in came until its deadline.
func (l *look) dead(principal string) bool {
	switch {
	case l.err != nil || l.holds(principal):
		return false
	case l.rec != nil && (l.rec.Gone != "" || l.rec.Principal != ""):
		return true
	}
	return !l.entry.pending(l.now)
}

// settled returns what the entry becomes: "" if it is dead, what it was if
// there is nothing to forget, and otherwise the sign-in that the record is by,
// with those that may still come.
func (l *look) settled(principal string) string {
	if l.dead(principal) {
		return ""
	}
	if !l.holds(principal) {
		return l.entry.raw
	}
	next := entry{mark: l.entry.mark}
	for _, a := range l.entry.attempts {
		if a.number == l.rec.Epoch || a.pending(l.now) {
			next.attempts = append(next.attempts, a)
		}
	}
	if l.entry.by(l.rec.Epoch) == nil { // the index was lost; the session is in it all the same
		next.attempts = l.entry.attempts
	}
	return next.encode()
}

// prune removes the dead entries and forgets what is over in the others. It
// returns those that are not known to be dead. An error of the index itself
// leaves entries that the next call finds.
func (ix *Index) prune(ctx context.Context, principal string, list []look) []look {
	var alive []look
	var changes []change
	for i := range list {
		next := list[i].settled(principal)
		if next != "" {
			alive = append(alive, list[i])
		}
		if next != list[i].entry.raw {
			changes = append(changes, change{old: list[i].entry, next: next})
		}
	}
	_, _ = ix.settle(ctx, principal, changes)
	return alive
}

package sessions

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/session"
)

// ListOptions say what to list.
type ListOptions struct {
	Principal string // only this one's; empty is everybody's
	Limit     int    // at most that many; 0 is all
	Ended     bool   // tombstones too; not with Principal
}

var errEnough = errors.New("enough")

// List writes sessions.
func List(ctx context.Context, s Store, opt ListOptions, out Output) error {
	lines, more, err := list(ctx, s, opt)
	if err != nil {
		return err
	}
	if out.JSON {
		return out.json(struct {
			Schema   string `json:"schema"`
			Sessions []Line `json:"sessions"`
			More     bool   `json:"more"`
		}{Schema, lines, more})
	}
	if err := out.table(lines); err != nil {
		return err
	}
	if more {
		_, err = fmt.Fprintf(out.W, "and more: these are the first %d found; see --limit\n", opt.Limit)
	}
	return err
}

func list(ctx context.Context, s Store, opt ListOptions) (lines []Line, more bool, err error) {
	lines = []Line{}
	if opt.Principal != "" {
		listed, err := s.Sessions(ctx, opt.Principal)
		for _, l := range listed {
			lines = append(lines, lineOfListed(opt.Principal, l))
		}
		if opt.Limit > 0 && len(lines) > opt.Limit {
			lines, more = lines[:opt.Limit], true
		}
		return lines, more, err
	}
	err = s.Scan(ctx, func(key session.Key, r *session.Record) error {
		if r.Gone != "" && !opt.Ended {
			return nil
		}
		if opt.Limit > 0 && len(lines) == opt.Limit {
			more = true
			return errEnough
		}
		lines = append(lines, lineOf(key, r))
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	slices.SortFunc(lines, func(a, b Line) int { return b.lastSeen().Compare(a.lastSeen()) })
	return lines, more, err
}

func lineOfListed(principal string, l session.Listed) Line {
	return Line{
		Session: l.Key, Principal: principal, Device: l.Device, Created: l.Created,
		Authenticated: moment(l.SignedIn), Accessed: moment(l.Accessed), Expires: l.Expires,
	}
}

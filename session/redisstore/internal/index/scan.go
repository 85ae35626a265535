package index

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// snapshot is what a principal's keys held. Entries that were there all the
// time are in it; the epoch was read before the entries.
type snapshot struct {
	epoch   string // as stored, "" if there is none
	entries []entry
	// partial is why entries are missing: there are too many, or some are of an
	// unknown form. nil if none are.
	partial error
}

// read reads the principal's keys, in steps of a page.
func (ix *Index) read(ctx context.Context, principal string) (snapshot, error) {
	var snap snapshot
	seen := map[session.Key]bool{} // a scan may return an entry twice
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		if len(seen) >= maxEntries {
			snap.partial = errTooManyEntries
			break
		}
		page, err := ix.readPage(ctx, principal, cursor, &snap.epoch)
		if err != nil {
			return snapshot{}, fmt.Errorf("read the index: %w", err)
		}
		list, unknown := decodeEntries(page.Elements)
		if unknown != nil {
			snap.partial = unknown
		}
		for i := range list {
			if !seen[list[i].key] {
				seen[list[i].key] = true
				snap.entries = append(snap.entries, list[i])
			}
		}
		cursor = page.Cursor
	}
	return snap, nil
}

// readPage reads one step of a scan and, with the first, the epoch.
func (ix *Index) readPage(ctx context.Context, principal string, cursor uint64, epoch *string) (page rueidis.ScanEntry, err error) {
	indexKey, epochKey := Keys(ix.opt.Prefix, principal)
	err = ix.caller.Call(ctx, indexKey, func(ctx context.Context, c rueidis.Client) error {
		cmds := []rueidis.Completed{c.B().Hscan().Key(indexKey).Cursor(cursor).Count(int64(ix.sizes.page)).Build()}
		if cursor == 0 {
			cmds = append([]rueidis.Completed{c.B().Get().Key(epochKey).Build()}, cmds...)
		}
		res := c.DoMulti(ctx, cmds...)
		if cursor == 0 {
			*epoch, err = res[0].ToString()
			if err != nil && !rueidis.IsRedisNil(err) {
				return err
			}
			res = res[1:]
		}
		page, err = res[0].AsScanEntry()
		return err
	})
	return page, err
}

// state reads the principal's keys and tells which entries are doomed and
// which are not.
func (ix *Index) state(ctx context.Context, principal string) (epoch Epoch, doomed, others []entry, partial, err error) {
	snap, err := ix.read(ctx, principal)
	switch {
	case err != nil:
		return Epoch{}, nil, nil, nil, err
	case snap.epoch != "":
		epoch, err = ParseEpoch(snap.epoch)
	case len(snap.entries) > 0:
		epoch, err = ix.Restore(ctx, principal, 0)
	}
	if err != nil {
		return Epoch{}, nil, nil, nil, err
	}
	doomed, others = epoch.split(snap.entries)
	return epoch, doomed, others, snap.partial, nil
}

// split tells the doomed entries from the others.
func (e Epoch) split(list []entry) (doomed, others []entry) {
	for i := range list {
		if e.doom(&list[i]) != "" {
			doomed = append(doomed, list[i])
		} else {
			others = append(others, list[i])
		}
	}
	return doomed, others
}

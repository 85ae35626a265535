package index

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// Epoch says which sign-ins of a principal are valid. The zero value admits
// all: only what ParseEpoch or Restore returned is one.
//
// It is stored as its number, the last number that a sign-in was given, the
// excepted key (- is none), the number that the exception begins with and the
// reason of the last raise, with a space between.
type Epoch struct {
	number int64
	except session.Key
	floor  int64
	reason session.Reason
}

var errEpoch = fmt.Errorf("index: %w: epoch", session.ErrFormat)

// ParseEpoch reads the value of the epoch's key. Its error is ErrFormat. That
// there is no value says nothing of the sessions: see [Index.Restore].
func ParseEpoch(value string) (Epoch, error) {
	part := strings.SplitN(value, " ", 5)
	if len(part) != 5 || part[2] == "" {
		return Epoch{}, errEpoch
	}
	e := Epoch{reason: session.Reason(part[4])}
	var ok [3]bool
	e.number, ok[0] = parseNumber(part[0])
	_, ok[1] = parseNumber(part[1])
	e.floor, ok[2] = parseNumber(part[3])
	if ok != [3]bool{true, true, true} {
		return Epoch{}, errEpoch
	}
	if part[2] != "-" {
		e.except = session.Key(part[2])
	}
	return e, nil
}

// parseNumber reads what the scripts write: decimal digits, at most what a
// double holds exactly.
func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 53)
	return int64(n), err == nil && (s == "0" || s[0] != '0')
}

// Admits tells whether a session whose record has that Epoch is valid, as far
// as the epoch goes.
func (e Epoch) Admits(key session.Key, epoch int64) bool {
	return epoch >= e.number || e.except != "" && key == e.except && epoch >= e.floor
}

// doom is why the session of an entry is to be ended, "" if it is not.
func (e Epoch) doom(entry *entry) session.Reason {
	switch {
	case entry.mark != "":
		return entry.mark
	case e.Admits(entry.key, entry.number()):
		return ""
	case e.reason != "":
		return e.reason
	}
	return session.ReasonRevoked
}

// Restore is for whoever finds a session of the principal, or an index, but no
// epoch: the server has lost it. It makes one that admits all and returns it,
// or the one that somebody else has made. seen is Record.Epoch of the session,
// 0 if there is none: no later sign-in has that number, or one below.
//
// So a loss ends nobody's session, and brings none back: what a revocation that
// succeeded has ended is a tombstone.
func (ix *Index) Restore(ctx context.Context, principal string, seen int64) (Epoch, error) {
	snap, err := ix.read(ctx, principal)
	if err != nil {
		return Epoch{}, fmt.Errorf("restore the epoch: %w", err)
	}
	for i := range snap.entries {
		seen = max(seen, snap.entries[i].number())
	}
	_, r, err := ix.run(ctx, ix.scripts.restore, principal, strconv.FormatInt(seen, 10))
	if err != nil {
		return Epoch{}, fmt.Errorf("restore the epoch: %w", err)
	}
	if made, _ := r.text(1); made == "1" {
		ix.opt.Hook(link.Event{Kind: EpochLost, Count: 1, Text: "the epoch of a principal was missing; a revocation that failed before has to be repeated"})
	}
	return r.epoch(0)
}

// raise dooms all sessions of the principal but the excepted one.
func (ix *Index) raise(ctx context.Context, principal string, except session.Key, reason session.Reason) error {
	if except == "" {
		except = "-"
	}
	for range maxRounds {
		s, _, err := ix.run(ctx, ix.scripts.raise, principal, ix.clock(), string(except), string(reason))
		if err == nil && s == statusLost {
			_, err = ix.Restore(ctx, principal, 0)
		}
		if err != nil || s == statusOK {
			return err
		}
	}
	return errBusy
}

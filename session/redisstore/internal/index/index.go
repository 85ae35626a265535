package index

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// maxEntries is how many entries of a principal one call examines at most.
const maxEntries = 10_000

// Records are the sessions themselves. Implementations are safe for concurrent
// use; an error means that the outcome is open.
type Records interface {
	// Look returns the record of key, nil if there is none or it has expired,
	// and the clock of the server that keeps it, which was read before the
	// record was. A tombstone is a record with a Gone reason. Verifiers and
	// attributes may be missing.
	Look(ctx context.Context, key session.Key) (*session.Record, time.Time, error)
	// Destroy ends the session of key, in one step, as v says, and tells
	// whether it ended one that was v.Principal's. To repeat it is harmless.
	Destroy(ctx context.Context, key session.Key, v Victim) (bool, error)
}

// Victim says what Destroy is to end. By the state of the record, when the
// clock of its server shows now:
//
//   - It is v.Principal's, and its Epoch is UpTo or less: it becomes a
//     tombstone with Reason.
//   - It is v.Principal's by a later sign-in, or another principal's: nothing.
//   - It is nobody's, and now is before PendingUntil: it becomes a tombstone.
//   - There is none, and now is before PendingUntil: a tombstone is made, so
//     that a Start fails.
//   - It is a tombstone, or PendingUntil has come: nothing.
//
// A tombstone, new or found, must last until PendingUntil.
type Victim struct {
	Principal    string
	UpTo         int64
	Reason       session.Reason
	PendingUntil time.Time // zero if no sign-in can be on its way
}

// Caller runs f with a client for the node of key. *link.Link is one.
type Caller interface {
	Call(ctx context.Context, key string, f func(context.Context, rueidis.Client) error) error
}

// EpochLost is the event of an epoch that should have been there: the server
// has lost it, and with it the revocations that were not finished.
const EpochLost link.Kind = "epoch-lost"

// VictimsLeft is the event of a sign-in that went on although Count sessions
// that it was to end first could not be reached.
const VictimsLeft link.Kind = "victims-left"

// Options of an Index. The zero value works.
type Options struct {
	Prefix   string           // of all keys, without braces
	Parallel int              // records asked for at once by one call; 0 is 16
	Hook     func(link.Event) // nil is none; called synchronously, must be fast
	// Now is the clock instead of the server's. Only tests set it.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Parallel == 0 {
		o.Parallel = 16
	}
	if o.Hook == nil {
		o.Hook = func(link.Event) {}
	}
	return o
}

// An Index is the index of all principals. It is safe for concurrent use and
// has no goroutine of its own.
type Index struct {
	caller  Caller
	records Records
	opt     Options
	sizes   sizes
	scripts scripts
}

// sizes bound the work of one script.
type sizes struct {
	page   int // entries that one script, or one step of a scan, reads
	crowd  int // entries from which on each sign-in examines some
	sample int // and how many
}

// New returns an Index.
func New(caller Caller, records Records, opt Options) *Index {
	return &Index{
		caller: caller, records: records, opt: opt.withDefaults(),
		sizes: sizes{page: 512, crowd: 64, sample: 8}, scripts: newScripts(),
	}
}

// Keys returns the names of a principal's two keys. Only the hash of the
// principal is in them.
func Keys(prefix, principal string) (index, epoch string) {
	sum := sha256.Sum256([]byte(principal))
	name := "{" + prefix + "u:" + base64.RawURLEncoding.EncodeToString(sum[:]) + "}"
	return name + "i", name + "e"
}

var errNoPrincipal = fmt.Errorf("%w: no principal", session.ErrMalformed)

var errUnknownForm = fmt.Errorf("index: %w: the principal's index was written by a newer version", session.ErrFormat)

var errBusy = errors.New("index: other sign-ins of the same principal are in the way; try again")

var errTooManyEntries = fmt.Errorf("index: the principal has more than %d entries, not all were examined", maxEntries)

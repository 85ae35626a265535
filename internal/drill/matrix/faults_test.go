package matrix

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// planted is a fault and what the drill has to say about it.
type planted struct {
	name   string // of the row; "" is the fault's
	fault  string // of the service, as its -fault
	finds  []check.ID
	allows []check.ID // truly broken as well, at times; each with its reason
	sticky bool
	check  check.Options
	noSlow bool
	// patient users stay signed in for longer than a stream may take to come back.
	patient bool
	quiet   time.Duration // that the service is granted before a settle read
	// atEvent: what is found is found at the event.
	atEvent bool
	expiry  *check.Options                                           // timeouts that the store keeps; nil are those of check
	event   func(*service) func(context.Context, *drill.Scene) error // nil is replaced
}

// expires are the timeouts of the store, whatever the service promises.
func (f planted) expires() check.Options {
	if f.expiry != nil {
		return *f.expiry
	}
	return f.check
}

const (
	g1, g2, g3, g4, g5, g6 = check.G1, check.G2, check.G3, check.G4, check.G5, check.G6
	g7, g8, g9             = check.G7, check.G8, check.G9
	g10, g11, g12          = check.G10, check.G11, check.G12
)

type ids = []check.ID

// expiring is what a service with short sessions promises.
var expiring = check.Options{IdleTimeout: 1500 * time.Millisecond}

// afterLag is more than the services with a lag are behind, on a busy machine too.
const afterLag = time.Second

var terminated = func(s *service) func(context.Context, *drill.Scene) error { return s.terminated }

// faults are the rows. A row is about one fault, and names each guarantee that
// the fault breaks by itself.
var faults = []planted{
	// A sign-out reaches an instance that does not know the session, so the one
	// that does keeps it (G9). Where the only answer of a session that was
	// turned away overlaps its renewal, the renewal is to blame for all that is
	// known (G8): so in all rows that find lost sessions.
	{name: "memory, in turn", fault: "memory", finds: ids{g1}, allows: ids{g8, g9}},
	{name: "memory, sticky, one replaced", fault: "memory", sticky: true, atEvent: true, finds: ids{g1}, allows: ids{g8}},
	{fault: "key-per-start", atEvent: true, finds: ids{g1}, allows: ids{g8, g9}}, // for the reasons of memory

	// A session that is saved whole takes the counter (G5) along, and what is
	// gone may be brought back by a save that loaded it in time (G2, G3).
	{fault: "blob", finds: ids{g4, g5}, allows: ids{g2, g3}},
	{fault: "blob-on-reads", finds: ids{g4, g5, g9}, allows: ids{g2, g3}},
	// What an instance still has to save when it ends is lost (G4).
	{fault: "late-save", quiet: afterLag, finds: ids{g3}, allows: ids{g4}},
	// Until it has ended, the instance that left may still save what others
	// have been asked for meanwhile (G2, G3).
	{fault: "write-behind", sticky: true, noSlow: true, atEvent: true, finds: ids{g4}, allows: ids{g2, g3}},
	{fault: "append-revives", finds: ids{g9}},
	{fault: "lost-increments", finds: ids{g5}},
	{fault: "ticket-blocks", finds: ids{g5}},
	{fault: "applied-twice", finds: ids{g12}},
	{fault: "counted-twice", finds: ids{g5}},
	{fault: "rolled-back", finds: ids{g2, g10}}, // the failure is answered with 500
	{fault: "capped-list", finds: ids{g4}},

	{fault: "replica-reads", quiet: afterLag, finds: ids{g3}},
	{fault: "replicas-apart", quiet: afterLag, finds: ids{g2, g3}},
	// What one instance has read another one has not: both kinds of stale. The
	// cache also opens what was signed out at another instance.
	{fault: "instance-cache", quiet: afterLag, finds: ids{g3, g9}, allows: ids{g2}},
	// A second that is lost has logins (G1), sign-outs (G9), renewals (G8) and
	// tickets (G5) in it besides writes, and what was read of them (G2).
	{fault: "failover", atEvent: true, finds: ids{g4}, allows: ids{g1, g2, g5, g8, g9},
		event: func(s *service) func(context.Context, *drill.Scene) error { return s.failedOver }},

	{fault: "late-sign-in", finds: ids{g1}, allows: ids{g8}},
	{fault: "expires-early", finds: ids{g1}, allows: ids{g8}, check: check.Options{IdleTimeout: 30 * time.Second, AbsoluteTimeout: 12 * time.Hour}},
	// An ID that is used again opens the next session after the sign-out of the
	// last one (G9).
	{fault: "fixation", finds: ids{g8}, allows: ids{g9}},
	{fault: "old-id-kept", finds: ids{g8}, check: check.Options{RenewalGrace: 300 * time.Millisecond}},
	{fault: "renewal-same-id", finds: ids{g8}},
	{fault: "renewal-gap", finds: ids{g8}},
	{fault: "renewal-drops-key", finds: ids{g4}},
	{fault: "renewal-copies", finds: ids{g4}, allows: ids{g5}}, // a ticket is a write
	{fault: "logout-clears-cookie", finds: ids{g9}},
	{fault: "logout-drops-newest-id", finds: ids{g9}},
	{fault: "logout-late", finds: ids{g9}},

	// The page may be one's own, of a moment ago (G2, G3) or of before the
	// sign-out (G9).
	{fault: "shared-page-cache", finds: ids{g6}, allows: ids{g2, g3, g9}},
	{fault: "foreign-token", finds: ids{g6}},
	// Of two people with one session one signs the other out (G1), and both take
	// its tickets (G5).
	{fault: "same-cookie", finds: ids{g6}, allows: ids{g1, g5, g8}},
	{fault: "cookie-overwritten", finds: ids{g1}, allows: ids{g8}},
	// A page that is read while its owner writes is kept after the write (G2, G3).
	{fault: "page-cache-by-login", sticky: true, quiet: afterLag, finds: ids{g9}, allows: ids{g2, g3}},
	{fault: "errors-under-load", finds: ids{g10}},
	{fault: "truncated", finds: ids{g10}},
	{fault: "reset", finds: ids{g10}},

	{fault: "expires-never", check: expiring, expiry: &check.Options{}, finds: ids{g7}},
	{name: "absolute timeout extended", fault: "expires-never", check: check.Options{AbsoluteTimeout: 1500 * time.Millisecond},
		expiry: &check.Options{}, finds: ids{g7}},
	{fault: "streams-keep-alive", check: expiring, finds: ids{g7}},
	// A session that is gone too early is a lost one (G1) where its user had
	// not waited for its end.
	{name: "expires early when idle", fault: "none", check: expiring, expiry: &check.Options{IdleTimeout: 600 * time.Millisecond},
		finds: ids{g7}, allows: ids{g1, g8}},
	{fault: "stream-skips", finds: ids{g11}},
	{fault: "stream-repeats", finds: ids{g11}},
	{fault: "stream-restarts", finds: ids{g11}},
	{fault: "stream-refused", patient: true, finds: ids{g11}},

	{fault: "killed", finds: ids{g10}, atEvent: true, event: terminated},
	{fault: "drain-short", finds: ids{g10}, atEvent: true, event: terminated},
}

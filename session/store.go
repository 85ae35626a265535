package session

import (
	"context"
	"time"
)

// A Store keeps session records where every instance of a service can reach
// them. All methods are safe for concurrent use, by any number of processes.
//
// The contract, which package sessiontest checks:
//
//   - Absent, gone, superseded and unreachable are four different errors. A
//     store that cannot be reached, or that finds a record of a format it does
//     not know, returns neither [ErrNotFound] nor [ErrGone].
//   - A Commit is atomic: all of it is applied or none of it, and a reader
//     never sees a half. [Apply] is its meaning in executable form, [Open] that of a Load;
//     stores that hold a record in Go's memory call it.
//   - A Commit is applied at most once per [Change.WriteID], however often it
//     is sent, and never after [Change.NotAfter].
//   - Only a Change with Start creates a record. Every other Change on an
//     absent record fails with [ErrNotFound], on a tombstone with [ErrGone].
//   - Once Commit has returned without an error, every later Load, by any
//     process, sees its effect.
type Store interface {
	// Load returns the record if one of the presented verifiers opens it.
	// A live record that none of them opens is ErrSuperseded if one of them
	// once did and the store still knows it, otherwise ErrNotFound; a
	// tombstone is ErrGone to those that one of its verifiers is presented
	// by, otherwise ErrNotFound.
	//
	// An active load also keeps the session alive: when 10 % of the idle
	// timeout has passed since the last access was recorded, it records this
	// one. The first load with the current verifier, active or passive,
	// confirms the session (see [Record.Accessed]) and lets superseded
	// verifiers lapse (see [Superseded.LoadUntil]).
	//
	// The caller owns what a Fresh load returns. Of other loads it owns the
	// Record itself, but not what that refers to: maps, slices and values may
	// be shared with other callers and must not be changed.
	Load(ctx context.Context, key Key, opt LoadOptions) (*Record, error)

	// Commit applies c to the record of key in one step. Its errors are
	// ErrNotFound, ErrGone, ErrSuperseded, ErrExists, ErrConflict, ErrType,
	// ErrLimit, ErrLate, ErrUnknown, ErrPrincipal, ErrFormat and ErrMalformed
	// (see there), all of which mean that nothing was written; ErrUnknown
	// that this attempt wrote nothing but an earlier one may have. Any other
	// error leaves the outcome open until NotAfter has passed.
	Commit(ctx context.Context, key Key, c Change) (Result, error)
}

// Key is the selector half of a session's cookie: 16 characters of unpadded
// base64url, 96 random bits. It names a record and opens nothing.
type Key string

// Hash is the SHA-256 of a verifier's 32 raw bytes, the only form in which a
// store knows a verifier. Compare with crypto/subtle.
type Hash [32]byte

// LoadOptions say who asks and how.
type LoadOptions struct {
	// Verifiers are the hashes presented, at most two: after a renewal with
	// an unknown outcome the browser holds the new and the old one.
	Verifiers []Hash
	// Passive loads (polling, reconnecting streams) do not extend the life
	// of the session.
	Passive bool
	// Fresh loads are answered by the store itself, never by a cache, and
	// never by a copy that a store serves while its server is down.
	Fresh bool
	// Cache says how far behind an answer may be. Stores without a cache
	// ignore it.
	Cache CacheMode
	// Floor is the Version.N that the browser is known to have seen, 0 if
	// nothing is known: a cached copy of an older version is no answer.
	Floor int64
}

// CacheMode says how a store may use copies that it keeps in the process.
type CacheMode uint8

// The modes. In Off and Validated every answer is as current as the store
// itself.
const (
	CacheDefault   CacheMode = iota // CacheValidated
	CacheOff                        // every load reads the record from the store
	CacheValidated                  // a load asks the store whether the copy is still current
	// CacheBounded asks nobody while the store would have told of a change. A
	// browser whose requests follow one another never sees an older state than
	// it has seen; its parallel requests, and other devices, may be behind by
	// the bound that the store documents.
	CacheBounded
)

// Version orders and identifies the states of one record.
type Version struct {
	// N is max(previous N + 1, the store's clock in Unix milliseconds).
	N int64
	// Write is the ID of the write that made this version. Two masters of a
	// failed-over store can hold the same N, never the same pair.
	Write string
}

// Record is one session as a store holds it. Times have millisecond
// precision and are in the store's clock.
type Record struct {
	Format     int          // of the stored form; see Format
	Version    Version      //
	Generation int64        // of the cookie, 1 at start, +1 at each renewal
	Verifier   Hash         // of the cookie now valid
	Superseded []Superseded // earlier generations, newest first, at most MaxSuperseded
	Created    time.Time    //
	// Accessed is the last recorded active load or commit. It is zero until
	// the cookie has come back once, and such a session lives no longer than
	// UnconfirmedLife.
	Accessed  time.Time
	Idle      time.Duration // idle timeout
	Absolute  time.Time     // never lives beyond; zero is no limit
	Writes    []Write       // the last MaxWrites, oldest first
	Principal string        // whose session it is; empty is nobody's
	Epoch     int64         // the principal's epoch at sign-in
	// Authenticated is when Principal last signed in; zero without one.
	Authenticated time.Time
	Persistent    bool // the cookie outlives the browser; set by a sign-in
	Size          int  // bytes of all attribute names and values
	// Gone is the reason of a tombstone; a record with a reason has no
	// attributes and never gets any again.
	Gone       Reason
	Attributes map[string][]byte

	// Now is the store's clock at the load; not stored.
	Now time.Time
	// Presented is the index in LoadOptions.Verifiers of the one that opened
	// the record, and Current whether that is the newest; not stored.
	Presented int
	Current   bool
}

// Format is the format number of records that this version of the package
// writes. It reads this one and the one before; anything else is
// [ErrFormat], which is not absent.
const Format = 1

// Bounds of a record's bookkeeping and lives.
const (
	MaxWrites       = 16               // ring of recent writes
	MaxSuperseded   = 4                // earlier generations kept
	RenewalGrace    = 10 * time.Second // see Superseded
	UnconfirmedLife = 2 * time.Minute  // until the cookie has come back once
	// TombstoneLife bounds how long a tombstone is kept: the idle timeout,
	// at least a minute, at most this.
	TombstoneLife = 24 * time.Hour
)

// Superseded is an earlier generation of a session's cookie.
//
// A window is open at t only if t is before its end and the end is no more
// than RenewalGrace away, so that a clock that steps back re-opens nothing; and
// each write closes for good the windows that it finds closed.
type Superseded struct {
	Verifier   Hash
	Generation int64
	// LoadUntil is how long the verifier still opens the session. After a
	// sign-in it opens nothing: LoadUntil is zero and Open is false. After a
	// periodic renewal it opens the session until the new one has come back
	// once (Open), and RenewalGrace longer.
	LoadUntil time.Time
	Open      bool
	// CommitUntil is how long requests that were loaded under this
	// generation may commit: RenewalGrace after the renewal, or zero where
	// Renew.Strict.
	CommitUntil time.Time
	// SignIn tells that this generation ended with a sign-in: from then on
	// its requests may touch neither the attributes that the sign-in set or
	// removed (Fenced, sorted; FencedAll alone after a Clear) nor privileged
	// ones.
	SignIn bool
	Fenced []string
}

// FencedAll in Superseded.Fenced stands for every attribute. It is the name
// that no attribute can have.
const FencedAll = ""

// Write is an applied write, kept so that a retry gets the stored result
// instead of being applied again.
type Write struct {
	ID     string
	Base   int64   // Version.N before this write
	Values []int64 // Result.Values
}

// Reason says why a session is gone.
type Reason string

// The reasons of a tombstone.
const (
	ReasonSignOut Reason = "logout"
	ReasonEvicted Reason = "evicted" // by the limit of sessions per principal
	ReasonRevoked Reason = "revoked" // by an operator or by the user elsewhere
	ReasonExpired Reason = "expired"
)

// Change is what one request wants of a record. The order of meaning: Start
// or the checks, then Clear, then Ops in order, then SignIn, then Renew;
// Invalidate stands alone.
type Change struct {
	// WriteID identifies the logical write: 96 random bits in base64url. A
	// retry carries the same one.
	WriteID string
	// Base is the version that the request started from; zero with Start.
	Base Version
	// Retry says that an earlier attempt may have been applied. If the ring
	// holds WriteID, its result is returned. If the ring no longer reaches
	// back to Base, the answer is ErrUnknown.
	Retry bool
	// Generation is Record.Generation as loaded; ignored with Start.
	Generation int64
	// NotAfter is the store's time from which on this write must not be
	// applied (ErrLate); required.
	NotAfter time.Time

	Start      *Start  // create the record
	Clear      bool    // remove all attributes first
	Ops        []Op    // on attributes
	SignIn     *SignIn // bind to a principal
	Renew      *Renew  // give it a new verifier
	Invalidate Reason  // make it a tombstone
	Passive    bool    // does not count as an access
	Limits     Limits
}

// Start creates a record.
type Start struct {
	Verifier Hash
	Idle     time.Duration
	Absolute time.Time // in the store's clock; zero is no limit
}

// SignIn binds the record to a principal. A record that already has a
// different principal refuses with ErrPrincipal: another user starts another
// session. Without Start a SignIn needs a Renew, and the request must have
// been loaded under the current generation, else ErrSuperseded.
type SignIn struct {
	Principal string
	// Epoch is the principal's epoch. Stores that have the ability
	// [Principals] fill it in; callers leave it zero.
	Epoch int64
	// Absolute is the new absolute limit; zero is no limit.
	Absolute time.Time
	// Idle is the new idle timeout; zero keeps the record's.
	Idle time.Duration
	// Persistent becomes Record.Persistent.
	Persistent bool

	// The rest is for stores with the ability [Principals]; others ignore it.

	// Device tells the principal's sessions apart for a person, such as the
	// browser's name; at most MaxDeviceBytes.
	Device string
	// MaxSessions bounds the usable sessions of the principal, this one
	// included; 0 is no bound. Beyond it the ones signed in first are
	// evicted, or, with Refuse, the sign-in fails with ErrTooMany.
	MaxSessions int
	Refuse      bool
}

// Renew changes the verifier. It is idempotent by the pair of Generation and
// Verifier: repeated, it answers Result.Repeated and nothing else happens. A
// periodic renewal that finds the generation already renewed by another
// request is left out (Result.Renewed false) while the rest of the Change is
// applied.
type Renew struct {
	Verifier Hash
	// Strict refuses every commit of requests loaded under older generations.
	Strict bool
}

// OpKind says what an Op does.
type OpKind uint8

// The operations on an attribute. A merge on an attribute that holds
// something else than its kind is ErrType. Lists and sets are stored as
// [EncodeElements] writes them; the first element creates one, and an emptied
// one stays.
const (
	OpSet    OpKind = iota // Value replaces
	OpRemove               // no-op if absent
	OpAdd                  // adds N to a counter (decimal int64, absent is 0); value: the new count; overflow is ErrType
	OpAppend               // appends Elements to a list; value: the new length
	OpUnion                // adds Elements to a set, keeping first-insertion order; value: how many were new
	OpDiff                 // removes Elements from a set; value: how many were there
)

// Op is one operation on one attribute.
type Op struct {
	Kind     OpKind
	Name     string // 1 to MaxNameBytes bytes of UTF-8 without control characters
	Value    []byte
	N        int64
	Elements [][]byte
	// Max keeps only the last Max elements of a list; 0 is no bound.
	Max int
	// Expect makes the whole Change conditional: the attribute must be as
	// given when Ops begin, else ErrConflict.
	Expect *Expect
	// Privileged attributes are closed to requests loaded before a sign-in.
	Privileged bool
}

// Expect is the state that an Op's attribute must be in.
type Expect struct {
	Present bool
	Value   []byte // if Present
}

// Result is what a Commit did.
type Result struct {
	// Version is the one that this write made; of a repeated one, the one
	// that it made then, or the newest if only its renewal is remembered.
	Version Version
	// Generation is the record's, now. A request stays in the one that it was
	// loaded under unless Renewed.
	Generation int64
	// Values has one entry per Op: the values named at the OpKinds, 0 for
	// OpSet and OpRemove.
	Values []int64
	// Renewed tells that Change.Renew was applied, now or by an earlier
	// attempt, and that its verifier is the newest: only then may the new
	// cookie be sent.
	Renewed bool
	// Repeated tells that an earlier attempt had been applied and nothing
	// happened now.
	Repeated bool
	// Degraded tells that the change was applied but not acknowledged by as
	// many replicas as the store was asked to wait for.
	Degraded bool
	Now      time.Time // the store's clock
}

// Limits bound a record as a Change leaves it; what was beyond a limit before
// may stay and shrink. The zero value of a field is its default.
type Limits struct {
	AttributeBytes int // 64 KiB, name and value
	SessionBytes   int // 512 KiB
	Attributes     int // 256
}

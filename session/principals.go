package session

import (
	"context"
	"time"
)

// MaxDeviceBytes bounds SignIn.Device.
const MaxDeviceBytes = 256

// Principals is the ability of a [Store] to find the sessions of a principal.
// Its methods are safe for concurrent use.
//
// Every sign-in that Commit acknowledged is listed and can be revoked until
// its session has ended. After Revoke has returned without an error, every
// session that it was to end is a tombstone, and no sign-in that was under way
// meanwhile makes one of them usable.
type Principals interface {
	// Sessions returns the usable sessions of the principal, the one signed in
	// first first. None is no error.
	Sessions(ctx context.Context, principal string) ([]Listed, error)
	// Revoke ends sessions of the principal and returns how many it has ended.
	// An error leaves some of them, or all, as they were; to call it again
	// finishes.
	Revoke(ctx context.Context, principal string, r Revocation) (int, error)
}

// Listed is one of a principal's sessions.
type Listed struct {
	Key        Key
	Device     string    // SignIn.Device
	Created    time.Time // of the session
	SignedIn   time.Time // Record.Authenticated
	Accessed   time.Time // Record.Accessed
	Expires    time.Time // Record.Expires
	Persistent bool
}

// Revocation says which sessions of a principal to end. The zero value is all.
type Revocation struct {
	Only   Key    // just this one, if it is the principal's
	Except Key    // all but this one; not together with Only
	Reason Reason // of the tombstones; empty is ReasonRevoked
}

// Inspector is the ability of a [Store] to show a record to an operator, or to
// whoever exports a principal's data.
type Inspector interface {
	// Inspect returns the record of key without what opens it: Verifier and
	// Superseded are zero. It does not count as an access. Absent is
	// ErrNotFound; a tombstone is a record with a Gone reason.
	Inspect(ctx context.Context, key Key) (*Record, error)
}

// Package sessiontest is the contract of [session.Store] as checks that every
// store passes.
//
//	func TestContract(t *testing.T) {
//		sessiontest.Test(t, func(t *testing.T) sessiontest.Harness {
//			clock := sessiontest.NewClock()
//			return sessiontest.Harness{Store: memstore.New(memstore.Options{Now: clock.Now}), Clock: clock}
//		})
//	}
//
// # Guarantees
//
//   - Every check is a value ([Checks]) that says which guarantee it is about
//     and returns why a store breaks it.
//   - The checks are checked: each rejects at least one store that is faulty
//     on purpose, and none rejects a store made of session.Apply and
//     session.Open.
//   - No check sleeps or depends on how fast the machine is.
//
// # Not guaranteed
//
//   - A store that passes may still lose what its server or disk loses: what
//     happens across a crash, a partition or a failover needs tests of its own.
//   - Without Harness.Clock, expiry and clocks that step back are not checked;
//     without Harness.SetFormat, unknown formats are not; of a store without
//     the abilities [session.Principals] and [session.Inspector], neither are
//     these. Test skips these checks by name.
package sessiontest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// Harness is a fresh store under test.
type Harness struct {
	Store session.Store
	// Peer is a second opening of the same store, as another process would
	// have it: what Store wrote is read through it. Nil is Store.
	Peer session.Store
	// Clock is the store's clock. Nil is the machine's: checks that need
	// another time are skipped.
	Clock Clock
	// SetFormat overwrites the format number of a stored record. Nil skips the
	// check that needs it.
	SetFormat func(ctx context.Context, key session.Key, format int) error
}

// Clock is a clock that tests move.
type Clock interface {
	Now() time.Time
	// Advance moves the clock, backwards if d is negative.
	Advance(d time.Duration)
}

// ManualClock is a Clock that stands still. It is safe for concurrent use.
type ManualClock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows some whole second.
func NewClock() *ManualClock {
	return &ManualClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

// Now implements Clock.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance implements Clock.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Check is one property of a store.
type Check struct {
	Name string
	// Guarantee is what a service would lose without it.
	Guarantee string
	// NeedsClock and NeedsFormat say which hooks of the Harness it needs.
	NeedsClock, NeedsFormat bool
	// NeedsPrincipals and NeedsInspector say which abilities of the store it is
	// about. A Peer may lack them.
	NeedsPrincipals, NeedsInspector bool
	// Run returns how the store breaks the property, nil if it does not. The
	// harness must be fresh.
	Run func(Harness) error
}

// Missing says which hook, or ability of the store, the check needs that h does
// not have; empty if none.
func (c Check) Missing(h Harness) string {
	_, principals := h.Store.(session.Principals)
	_, inspector := h.Store.(session.Inspector)
	switch {
	case c.NeedsPrincipals && !principals:
		return "session.Principals"
	case c.NeedsInspector && !inspector:
		return "session.Inspector"
	case c.NeedsClock && h.Clock == nil:
		return "Harness.Clock"
	case c.NeedsFormat && h.SetFormat == nil:
		return "Harness.SetFormat"
	}
	return ""
}

// Checks returns all checks, in an order that is good for reading failures.
func Checks() []Check {
	var all []Check
	for _, theme := range [][]Check{
		existence, atomicity, merges, limits, once, renewal, signIn, logout, expiry, clocks, isolation, unknowns, concurrency,
		principals, revocation, inspection,
	} {
		all = append(all, theme...)
	}
	return all
}

// Test runs every check as a subtest of its name, each on a store of its own.
func Test(t *testing.T, open func(t *testing.T) Harness) {
	for _, check := range Checks() {
		t.Run(check.Name, func(t *testing.T) {
			h := open(t)
			if hook := check.Missing(h); hook != "" {
				t.Skipf("needs %s", hook)
			}
			if err := check.Run(h); err != nil {
				t.Errorf("%s: %v", check.Guarantee, err)
			}
		})
	}
}

// Package plan is what a drill.yaml says: which service is drilled, by how many
// users, at what pace, what they do, and what happens to the service meanwhile.
//
//	p, err := plan.Load("drill.yaml")
//	… flags change p.Targets, p.Users, p.Pace
//	err = p.Permit(ctx, own) // own: --i-own-this-target
//
// Guarantees: every error of a file names file, line, key, what was found and
// what is allowed, all of a file at once; secrets are in no error and in no
// printed Plan.
//
// Not guaranteed: that the service is there, or is what the file says: the
// dialect's scout finds that out when the drill begins.
package plan

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
)

// Plan is a drill that can be made.
type Plan struct {
	Targets           []string
	Users             int
	Pace              engine.Pace
	Duration, Control time.Duration
	Dialect           engine.Dialect
	Tier              check.Tier
	Check             check.Options
	Allow             []string // guarantees that need not be exercised: "G7"
	Events            Events
	Client            engine.ClientOptions // TLS, source addresses, time-outs
	Quiet             time.Duration        // before a settle read; 0 is the engine's

	file string // that it came from
	most int    // users there are accounts for; 0 is any number
}

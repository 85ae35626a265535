// Package session is what is known of a service's sessions, whoever says so.
//
// Guarantees: what nobody says is unknown: the zero value knows nothing.
package session

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Home is where a service keeps its sessions.
type Home string

const (
	HomeUnknown Home = ""
	Memory      Home = "memory"   // in the process
	External    Home = "external" // in a store outside the instances
)

// Sessions is what is known of a service's sessions.
type Sessions struct {
	Home    Home
	Source  string     // who says so: the policy, an annotation, a file
	Node    *tree.Node // that says so, if it stands in a file that was read
	Cookie  value.Value[string]
	Timeout value.Value[time.Duration] // idle
	Longest value.Value[time.Duration] // absolute
}

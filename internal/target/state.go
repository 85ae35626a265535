package target

import (
	"fmt"
	"strings"
)

// State is where a target is in its life. The zero value is Initial.
type State uint8

// The states.
const (
	Initial   State = iota // registered, no health check has passed yet
	Healthy                // takes everything
	Unhealthy              // keeps what is in flight, gets nothing new while others are healthy
	Draining               // deregistration has begun: gets nothing unbound, empties
	Unused                 // no route leads to its group
)

var stateNames = [...]string{"initial", "healthy", "unhealthy", "draining", "unused"}

// States lists all states in order.
func States() []State { return []State{Initial, Healthy, Unhealthy, Draining, Unused} }

// AcceptsUnbound reports whether a request without a binding may be sent there.
func (s State) AcceptsUnbound() bool { return s == Healthy }

// AcceptsBound reports whether a request that is bound to this target may
// still be sent there, when p says what happens to the bound requests of a
// target that leaves. An initial target accepts them, so that the restart of a
// gateway moves nobody.
func (s State) AcceptsBound(p OnDraining) bool {
	switch s {
	case Initial, Healthy:
		return true
	case Unhealthy, Draining:
		return p == Finish
	case Unused:
		return false
	}
	return false
}

// AcceptsLastResort reports whether an unbound request may be sent there when
// no target of the group is healthy: failing open beats refusing everybody
// because a health check is wrong.
func (s State) AcceptsLastResort() bool { return s == Initial || s == Unhealthy }

// Streams reports whether running streams may stay for as long as they like.
// Those of a draining target end at the deregistration delay at the latest.
func (s State) Streams() bool { return s != Draining && s != Unused }

// Checked reports whether health checks decide about this state.
func (s State) Checked() bool { return s == Initial || s == Healthy || s == Unhealthy }

// String returns the state's word.
func (s State) String() string { return name(stateNames[:], uint8(s), "State") }

// MarshalText returns the state's word; an unknown value is an error.
func (s State) MarshalText() ([]byte, error) { return marshal(stateNames[:], uint8(s), "State") }

// UnmarshalText accepts exactly the states' words.
func (s *State) UnmarshalText(text []byte) error {
	i, err := parse(stateNames[:], text)
	*s = State(i)
	return err
}

// Allowed lists the words that UnmarshalText takes.
func (s State) Allowed() []string { return stateNames[:] }

// OnDraining says what becomes of requests that are bound to a target which
// drains or is unhealthy. The zero value is Move.
type OnDraining uint8

// The policies.
const (
	Move   OnDraining = iota // bind them to another target at their next request
	Finish                   // leave them there until their session is idle, or the deregistration delay ends
	Strict                   // answer 503
)

var onDrainingNames = [...]string{"move", "finish", "strict"}

// String returns the policy's word.
func (p OnDraining) String() string { return name(onDrainingNames[:], uint8(p), "OnDraining") }

// MarshalText returns the policy's word; an unknown value is an error.
func (p OnDraining) MarshalText() ([]byte, error) {
	return marshal(onDrainingNames[:], uint8(p), "OnDraining")
}

// UnmarshalText accepts exactly the policies' words.
func (p *OnDraining) UnmarshalText(text []byte) error {
	i, err := parse(onDrainingNames[:], text)
	*p = OnDraining(i)
	return err
}

// Allowed lists the words that UnmarshalText takes.
func (p OnDraining) Allowed() []string { return onDrainingNames[:] }

func name(names []string, i uint8, typ string) string {
	if int(i) >= len(names) {
		return fmt.Sprintf("%s(%d)", typ, i)
	}
	return names[i]
}

func marshal(names []string, i uint8, typ string) ([]byte, error) {
	if int(i) >= len(names) {
		return nil, fmt.Errorf("%s(%d) has no name", typ, i)
	}
	return []byte(names[i]), nil
}

func parse(names []string, text []byte) (uint8, error) {
	for i, n := range names {
		if n == string(text) {
			return uint8(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
}

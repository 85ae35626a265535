package gateway

import (
	"fmt"
	"strings"
)

// Policy chooses a target for an unbound request.
type Policy uint8

// The policies.
const (
	RoundRobin       Policy = iota // each in turn, by weight
	LeastOutstanding               // the one with the fewest requests in flight, by weight
)

var policyNames = words{"round_robin", "least_outstanding"}

// String returns the policy's word.
func (p Policy) String() string { return policyNames.name(uint8(p)) }

// Allowed lists the words that UnmarshalText takes.
func (p Policy) Allowed() []string { return policyNames }

// MarshalText returns the policy's word.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText accepts the policies' words.
func (p *Policy) UnmarshalText(b []byte) error { return policyNames.parse(b, (*uint8)(p)) }

// AffinityMode says what binds a request to the target it used before.
type AffinityMode uint8

// The modes.
const (
	AffinityNone   AffinityMode = iota // nothing
	AffinityCookie                     // a cookie of the gateway's own
)

var affinityNames = words{"none", "cookie"}

// String returns the mode's word.
func (m AffinityMode) String() string { return affinityNames.name(uint8(m)) }

// Allowed lists the words that UnmarshalText takes.
func (m AffinityMode) Allowed() []string { return affinityNames }

// MarshalText returns the mode's word.
func (m AffinityMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText accepts the modes' words.
func (m *AffinityMode) UnmarshalText(b []byte) error { return affinityNames.parse(b, (*uint8)(m)) }

// POSTReplay says when a request that is not idempotent is sent again after
// it was sent once and no response byte came.
type POSTReplay uint8

// The rules, each beyond the one before.
const (
	ReplayUnsent         POSTReplay = iota // only if the target provably read nothing of it
	ReplayNever                            // not even then
	ReplayIdempotencyKey                   // also if it has an Idempotency-Key
	ReplayAlways                           // the application is safe against doubles
)

var replayNames = words{"unsent", "never", "idempotency_key", "always"}

// String returns the rule's word.
func (p POSTReplay) String() string { return replayNames.name(uint8(p)) }

// Allowed lists the words that UnmarshalText takes.
func (p POSTReplay) Allowed() []string { return replayNames }

// MarshalText returns the rule's word.
func (p POSTReplay) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText accepts the rules' words.
func (p *POSTReplay) UnmarshalText(b []byte) error { return replayNames.parse(b, (*uint8)(p)) }

// words are the names of an enum's values, in order.
type words []string

func (w words) name(i uint8) string {
	if int(i) < len(w) {
		return w[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

func (w words) parse(text []byte, to *uint8) error {
	for i, name := range w {
		if name == string(text) {
			*to = uint8(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(w, ", "))
}

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
	PowerOfTwo                     // the one with fewer in flight of two drawn at random, by weight
)

var policyNames = words{"round_robin", "least_outstanding", "power_of_two"}

// String returns the policy's word.
func (p Policy) String() string { return policyNames.name(uint8(p)) }

// Allowed lists the words that UnmarshalText takes.
func (p Policy) Allowed() []string { return policyNames }

// MarshalText returns the policy's word.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText accepts the policies' words.
func (p *Policy) UnmarshalText(b []byte) error { return policyNames.parse(b, (*uint8)(p)) }

// AffinityMode says what binds a request to the target it used before.
//
//	mode        a request is bound if it has              to the target
//	none        -                                         -
//	cookie      the gateway's cookie                      in the cookie
//	app_cookie  that and the application's cookie         in the gateway's cookie
//	session     the session ID, in a cookie or a header   that its hash belongs to
//	header      the header                                that its hash belongs to
//	client_ip   an address: always                        that its hash belongs to
//
// A request without it is unbound. In the modes with a cookie the policy
// chooses the target of an unbound request, and the answer binds the client:
// any answer with cookie, and with app_cookie the one that sets the
// application's cookie, for as long as that lives; an answer that deletes it
// ends the binding.
//
// In the modes that hash nothing has to be remembered: gateways with the same
// targets agree, and a target that leaves or joins gives up or takes its own
// keys only. But the answer that starts a session comes from a target that the
// session may not belong to, and one that joins, or comes back, takes its keys
// at once: these modes are for sessions that live outside of the targets. A
// key counts as a session of the target that had a request of it within the
// idle timeout; OnDraining says what becomes of those. This is counted by each
// gateway for itself and ends with it.
type AffinityMode uint8

// The modes.
const (
	AffinityNone      AffinityMode = iota // nothing
	AffinityCookie                        // a cookie of the gateway's own
	AffinityAppCookie                     // a cookie of the gateway's own that follows the application's
	AffinitySession                       // the session ID
	AffinityHeader                        // a header of the request
	AffinityClientIP                      // the client's address: all of IPv4, the /64 of IPv6
)

var affinityNames = words{"none", "cookie", "app_cookie", "session", "header", "client_ip"}

// setsCookie reports whether the gateway has a cookie of its own.
func (m AffinityMode) setsCookie() bool { return m == AffinityCookie || m == AffinityAppCookie }

// hashes reports whether the target follows from the request alone.
func (m AffinityMode) hashes() bool {
	return m == AffinitySession || m == AffinityHeader || m == AffinityClientIP
}

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

// Package target is the vocabulary of load balancing: target, group, state.
//
//	s := target.Draining
//	if s.AcceptsBound(target.Finish) {
//		// a session that is bound to this target may still go there
//	}
//
// Guarantees: a [State] is asked through its methods and never compared in
// two places with two meanings; every value prints and parses as the same word
// in JSON, logs and configuration.
//
// Not guaranteed: anything about real targets; nothing here acts.
package target

// Target is one instance that requests can be sent to.
type Target struct {
	// ID is the stable name from the source: a pod's UID, a Eureka instanceId,
	// the id in a file. Never an address.
	ID string
	// Address is host:port.
	Address string
	// Weight is the share of unbound requests relative to the other targets
	// of the group: 0 counts as 1, at most MaxWeight.
	Weight int
	// Incarnation distinguishes lives of one ID (start time, UID) as the
	// source knows them, so that a successor inherits no bound sessions.
	// Empty when the source knows none.
	Incarnation string
	// Source names who registered it: "file", "api", "dns", ...
	Source string
}

// MaxWeight is the largest weight a target may have.
const MaxWeight = 256

// Group is a named set of targets that serve the same requests.
type Group struct {
	Name    string
	Targets []Target
}

package drain

// State is where a process stands on its way out. States only ever advance;
// the zero value is Starting.
type State int32

// The states, in order.
const (
	Starting    State = iota // Run does not serve yet
	Serving                  // ready
	Withdrawing              // not ready, and everything is still served: balancers are noticing
	Draining                 // listeners are closed; what is in flight finishes
	Flushing                 // nothing is served; hooks run
	Stopped                  // the end
)

// Ready tells whether balancers should send new work.
func (s State) Ready() bool { return s == Serving }

// AcceptsNew tells whether new connections are accepted.
func (s State) AcceptsNew() bool { return s == Serving || s == Withdrawing }

// Serves tells whether a request that arrives is served. Before Run it is, so
// that a Handler can be used without one.
func (s State) Serves() bool { return s < Flushing }

// Leaving tells whether the way out has started.
func (s State) Leaving() bool { return s >= Withdrawing }

// String is the name in lower case.
func (s State) String() string {
	switch s {
	case Starting:
		return "starting"
	case Serving:
		return "serving"
	case Withdrawing:
		return "withdrawing"
	case Draining:
		return "draining"
	case Flushing:
		return "flushing"
	case Stopped:
		return "stopped"
	}
	return "unknown"
}

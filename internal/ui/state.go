package ui

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// State is all that the page shows at one moment. Its JSON has the fields of
// the embedded structs at the top level, always all of them, in this order.
// The page fills in the rates (RPS here and of each replica); what a Source
// puts there is overwritten.
type State struct {
	Strategy   Strategy   `json:"strategy"`
	Strategies []Strategy `json:"strategies"` // those that one can switch to
	Clock
	Verdict string `json:"verdict"` // how it goes so far, one sentence for people
	Good    bool   `json:"good"`    // nothing bad has happened so far
	Figures
	Replicas []Replica `json:"replicas"`
	Events   []Event   `json:"events"` // the newest last; of more than 50 the page shows the last
	Queue    Queue     `json:"queue"`
	Shop     Shop      `json:"shop"`
	Note     string    `json:"note"` // a reservation, as that the machine is too busy to judge; "" is none
}

// maxEvents is how many events a message carries.
const maxEvents = 50

// listed returns s with the last events only, and with lists that are not nil
// and not the source's where the page writes.
func (s State) listed() State {
	s.Strategies = append([]Strategy{}, s.Strategies...)
	s.Replicas = append([]Replica{}, s.Replicas...)
	s.Events = append([]Event{}, s.Events[max(0, len(s.Events)-maxEvents):]...)
	return s
}

// Strategy is a way of running the shop, in plain words.
type Strategy struct {
	Name     string `json:"name"`     // short; what Source.Switch takes
	Sentence string `json:"sentence"` // what it does
	Loses    string `json:"loses"`    // what it will lose; "" when Sentence says so
}

// Clock says where a run is.
type Clock struct {
	Run     int     `json:"run"` // from 1; another number means that everything began again
	Phase   Phase   `json:"phase"`
	Elapsed Seconds `json:"elapsed_s"` // since the load began
	Length  Seconds `json:"length_s"`  // 0 is an open end
}

// Phase of a run.
type Phase string

// The phases, in order.
const (
	Starting Phase = "starting" // replicas come up, nobody shops yet
	Control  Phase = "control"  // people shop, nothing is done to the replicas yet
	Running  Phase = "running"
	Settling Phase = "settling" // people come to rest, the last things are checked
	Ended    Phase = "ended"
)

// Figures count from the beginning of the run, unless they say otherwise.
type Figures struct {
	Users    int    `json:"users"`
	SignedIn int    `json:"signed_in"` // now
	Sent     int    `json:"sent"`      // requests
	RPS      Rate   `json:"rps"`       // requests per second, of the last second
	Lost     int    `json:"lost"`      // sessions
	Undone   int    `json:"undone"`    // acknowledged changes that are gone
	Failed   int    `json:"failed"`    // requests that a user saw fail
	AtKills  int    `json:"at_kills"`  // of these, inside a replica when it was killed
	P50      Millis `json:"p50_ms"`    // of the answers of the last seconds
	P99      Millis `json:"p99_ms"`
}

// Replica is one running copy of the shop. Names are not used twice in a run.
type Replica struct {
	Name     string       `json:"name"`
	State    ReplicaState `json:"state"`
	InFlight int          `json:"in_flight"` // requests
	Streams  int          `json:"streams"`   // connections that stay open
	Bound    int          `json:"bound"`     // sessions that the balancer sends there
	Served   int          `json:"served"`    // requests, from the beginning
	RPS      Rate         `json:"rps"`
	Holds    string       `json:"holds"` // what keeps a draining one, for people; "" is in flight and streams
}

// ReplicaState is where a replica is in its life. One that is no longer listed
// is shown as gone for a moment.
type ReplicaState string

// The states.
const (
	ReplicaStarting ReplicaState = "starting"
	ReplicaServing  ReplicaState = "serving"
	ReplicaDraining ReplicaState = "draining" // no new work; what it has begun finishes
	ReplicaKilled   ReplicaState = "killed"   // ended without warning
	ReplicaGone     ReplicaState = "gone"
)

// Event is something that was done to the replicas.
type Event struct {
	ID     int     `json:"id"` // unique in a run
	At     Seconds `json:"at_s"`
	Kind   string  `json:"kind"`   // an action, or another word
	Target string  `json:"target"` // the replica; "" is several or none
	Text   string  `json:"text"`   // for people
	Over   bool    `json:"over"`
}

// Queue is what has been asked for and has not begun.
type Queue struct {
	Length int `json:"length"`
	Bound  int `json:"bound"`
}

// Shop is what is known of the visitor's own shopping.
type Shop struct {
	Instance string `json:"instance"` // the replica that answered last; "" is unknown
}

// Seconds is a time span whose JSON is a number of seconds.
type Seconds time.Duration

// MarshalJSON never fails.
func (s Seconds) MarshalJSON() ([]byte, error) { return decimal(time.Duration(s).Seconds(), 2), nil }

// Millis is a time span whose JSON is a number of milliseconds.
type Millis time.Duration

// MarshalJSON never fails.
func (m Millis) MarshalJSON() ([]byte, error) {
	return decimal(float64(m)/float64(time.Millisecond), 2), nil
}

// Rate is a number per second.
type Rate float64

// MarshalJSON never fails: what is no number is 0.
func (r Rate) MarshalJSON() ([]byte, error) { return decimal(float64(r), 1), nil }

// decimal writes x with at most that many decimals.
func decimal(x float64, places int) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		x = 0
	}
	scale := math.Pow10(places)
	return strconv.AppendFloat(nil, math.Round(x*scale)/scale, 'f', -1, 64)
}

// encode writes v without escaping for HTML: it is never put into markup.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

package gateway

import (
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/certs"
	"github.com/evenkeel/evenkeel/internal/target"
)

// Stats is a snapshot: gauges are exact at one instant per target, counters
// count from the start.
type Stats struct {
	Groups        []GroupStats
	EventsDropped uint64 // of all present subscribers
	AccessDropped uint64 // records of the access log that its file did not take in time
	Certificates  []certs.Status
	Config        ConfigStats
}

// GroupStats are the counts of one group.
type GroupStats struct {
	Name     string
	Targets  []TargetStatus
	Requests uint64
	// Answers of targets by class: 1xx (upgrades) to 5xx.
	Answers [5]uint64
	// The gateway's own answers.
	BadGateway, Unavailable, GatewayTimeout, OtherRefusals uint64
	Aborted                                                uint64 // answers that broke off
	Retries                                                uint64 // failed connects that went on to another target
	Replays                                                uint64 // requests sent again
	Ejections                                              uint64
	Cut                                                    uint64 // requests and streams ended at the deregistration delay
	Told                                                   uint64 // streams that were asked to leave, at a drain or the gateway's end
	// Moves of bound sessions, by why they could not stay.
	MovesDraining, MovesUnhealthy, MovesGone, MovesFailed uint64
}

// TargetStatus is one target as the admin API shows it.
type TargetStatus struct {
	ID            string       `json:"id"`
	Address       string       `json:"address"`
	State         target.State `json:"state"`
	Weight        int          `json:"weight"`
	Source        string       `json:"source"`
	Incarnation   string       `json:"incarnation,omitempty"`
	InFlight      int          `json:"in_flight"`
	Streams       int          `json:"streams"`
	BoundSessions int          `json:"bound_sessions"`
	Since         time.Time    `json:"since"` // of the state
}

type move int

const (
	moveDraining  move = iota
	moveUnhealthy      // or it could not be reached
	moveGone           // no longer in the table, or a cookie of unknown keys
	moveFailed         // would have been accepted, but failed
	moves
)

type counters struct {
	requests, retries, replays, ejections, aborted, cut, told atomic.Uint64

	answers    [5]atomic.Uint64
	refusals   [4]atomic.Uint64 // 502, 503, 504, others
	movesByWhy [moves]atomic.Uint64
}

func (c *counters) answered(status int) {
	if class := status/100 - 1; class >= 0 && class < len(c.answers) {
		c.answers[class].Add(1)
	}
}

func (c *counters) refused(status int) {
	i := status - 502
	if i < 0 || i > 2 {
		i = 3
	}
	c.refusals[i].Add(1)
}

// Stats returns the gateway's counts.
func (g *Gateway) Stats() Stats {
	var s Stats
	for _, grp := range g.groups() {
		c := &grp.counters
		gs := GroupStats{
			Name: grp.Name, Targets: g.targets(grp), Requests: c.requests.Load(),
			BadGateway: c.refusals[0].Load(), Unavailable: c.refusals[1].Load(), GatewayTimeout: c.refusals[2].Load(), OtherRefusals: c.refusals[3].Load(),
			Aborted: c.aborted.Load(), Retries: c.retries.Load(), Replays: c.replays.Load(), Ejections: c.ejections.Load(), Cut: c.cut.Load(), Told: c.told.Load(),
			MovesDraining: c.movesByWhy[moveDraining].Load(), MovesUnhealthy: c.movesByWhy[moveUnhealthy].Load(),
			MovesGone: c.movesByWhy[moveGone].Load(), MovesFailed: c.movesByWhy[moveFailed].Load(),
		}
		for i := range c.answers {
			gs.Answers[i] = c.answers[i].Load()
		}
		s.Groups = append(s.Groups, gs)
	}
	if g.certs != nil {
		s.Certificates = g.certs.Stats()
	}
	s.AccessDropped = g.access.dropped()
	s.Config = g.configStats()
	g.events.mu.Lock()
	defer g.events.mu.Unlock()
	for sub := range g.events.subs {
		s.EventsDropped += sub.dropped
	}
	return s
}

// Targets returns the targets of a group, by ID.
func (g *Gateway) Targets(groupName string) ([]TargetStatus, error) {
	grp, err := g.group(groupName)
	if err != nil {
		return nil, err
	}
	return g.targets(grp), nil
}

func (g *Gateway) targets(grp *group) []TargetStatus {
	entries := grp.table.Load().entries
	out := make([]TargetStatus, len(entries))
	for i, e := range entries {
		out[i] = e.status(grp.Affinity.IdleTimeout)
	}
	return out
}

package ui

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const (
	maxPoints = 120 // in a viewer's charts
	rateOver  = 2   // snapshots that a rate is taken over
)

// chart turns counts into rates and keeps the points of the charts. It belongs
// to the goroutine of Run.
type chart struct {
	run    int
	recent []sample
	points [][]byte // encoded, the newest last; never changed in place
	added  bool     // by the last call
}

// sample is what rates are taken between.
type sample struct {
	at     Seconds
	sent   int
	failed int
	served map[string]int
}

// point is one moment of the charts.
type point struct {
	T        Seconds        `json:"t"` // Clock.Elapsed
	RPS      Rate           `json:"rps"`
	P50      Millis         `json:"p50_ms"`
	P99      Millis         `json:"p99_ms"`
	Failed   int            `json:"failed"` // since the point before
	Replicas []replicaPoint `json:"replicas"`
}

type replicaPoint struct {
	Name  string `json:"name"`
	RPS   Rate   `json:"rps"`
	Bound int    `json:"bound"`
}

// add fills in the rates of s, whose replicas it sorts, and adds its point.
// While the run's clock stands still there is no point and no rate.
func (c *chart) add(s *State) error {
	if s.Run != c.run {
		*c = chart{run: s.Run}
	}
	s.RPS = 0
	now := sample{at: s.Elapsed, sent: s.Sent, failed: s.Failed, served: map[string]int{}}
	for i := range s.Replicas {
		r := &s.Replicas[i]
		r.RPS, now.served[r.Name] = 0, r.Served
	}
	slices.SortStableFunc(s.Replicas, func(a, b Replica) int { return cmp.Or(len(a.Name)-len(b.Name), cmp.Compare(a.Name, b.Name)) })
	c.added = len(c.recent) == 0 || now.at > c.recent[len(c.recent)-1].at
	if !c.added {
		return nil
	}
	if len(c.recent) > 0 {
		rates(s, c.recent[0])
	}
	p, err := encode(newPoint(s, c.recent))
	if err != nil {
		return fmt.Errorf("encode a point: %w", err)
	}
	c.recent = append(c.recent, now)
	c.recent = c.recent[max(0, len(c.recent)-rateOver):]
	// A copy: the frames before this one are being read.
	kept := c.points[max(0, len(c.points)+1-maxPoints):]
	c.points = append(slices.Clone(kept), p)
	return nil
}

func rates(s *State, from sample) {
	seconds := time.Duration(s.Elapsed - from.at).Seconds()
	s.RPS = Rate(float64(s.Sent-from.sent) / seconds)
	for i := range s.Replicas {
		r := &s.Replicas[i]
		r.RPS = Rate(float64(r.Served-from.served[r.Name]) / seconds)
	}
}

func newPoint(s *State, recent []sample) point {
	p := point{T: s.Elapsed, RPS: s.RPS, P50: s.P50, P99: s.P99, Replicas: []replicaPoint{}}
	if len(recent) > 0 {
		p.Failed = s.Failed - recent[len(recent)-1].failed
	}
	for _, r := range s.Replicas {
		p.Replicas = append(p.Replicas, replicaPoint{Name: r.Name, RPS: r.RPS, Bound: r.Bound})
	}
	return p
}

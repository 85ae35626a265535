package ui

import (
	"encoding/json"
	"testing"
	"time"
)

func moment(run int, at time.Duration, sent, failed int, served ...int) State {
	var s State
	s.Run, s.Elapsed, s.Sent, s.Failed = run, Seconds(at), sent, failed
	for i, n := range served {
		s.Replicas = append(s.Replicas, Replica{Name: string(rune('a' + i)), Served: n})
	}
	return s
}

func decoded(t *testing.T, raw []byte) (p struct {
	T, RPS   float64
	Failed   int
	Replicas []struct {
		Name string
		RPS  float64
	}
}) {
	t.Helper()
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRatesAreTakenOverTwoSnapshots(t *testing.T) {
	var c chart
	for i, s := range []State{
		moment(1, 0, 100, 7, 40),
		moment(1, 500*time.Millisecond, 150, 7, 60),
		moment(1, time.Second, 300, 9, 100, 90), // b is new
	} {
		s.RPS = 999 // a source's own is overwritten
		if err := c.add(&s); err != nil {
			t.Fatal(err)
		}
		if want := []Rate{0, 100, 200}[i]; s.RPS != want {
			t.Errorf("snapshot %d: %v requests per second, want %v", i, s.RPS, want)
		}
	}
	p := decoded(t, c.points[2])
	if p.T != 1 || p.RPS != 200 || p.Failed != 2 || p.Replicas[0].RPS != 60 || p.Replicas[1].RPS != 90 {
		t.Errorf("third point: %+v", p)
	}
	if first := decoded(t, c.points[0]); first.Failed != 0 {
		t.Errorf("what failed before the first snapshot is on the chart: %+v", first)
	}
}

func TestNoPointWhileTheClockStands(t *testing.T) {
	var c chart
	for range 3 {
		s := moment(1, time.Second, 10, 0)
		if err := c.add(&s); err != nil {
			t.Fatal(err)
		}
		if s.RPS != 0 {
			t.Errorf("%v requests per second while the clock stands", s.RPS)
		}
	}
	if len(c.points) != 1 || c.added {
		t.Errorf("%d points, want 1", len(c.points))
	}
}

func TestANewRunBeginsAgain(t *testing.T) {
	var c chart
	for i := range 200 {
		s := moment(1, time.Duration(i)*time.Second, i, 0)
		if err := c.add(&s); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.points) != 120 || decoded(t, c.points[0]).T != 80 {
		t.Errorf("%d points from %v, want 120 from 80", len(c.points), decoded(t, c.points[0]).T)
	}
	s := moment(2, 0, 5, 5)
	if err := c.add(&s); err != nil {
		t.Fatal(err)
	}
	if p := decoded(t, c.points[0]); len(c.points) != 1 || p.RPS != 0 || p.Failed != 0 {
		t.Errorf("after the new run: %d points, %+v", len(c.points), p)
	}
}

func TestReplicasComeInTheOrderOfTheirNumbers(t *testing.T) {
	var c chart
	s := State{Replicas: []Replica{{Name: "shop-10"}, {Name: "shop-9"}, {Name: "shop-11"}}}
	if err := c.add(&s); err != nil {
		t.Fatal(err)
	}
	if got := s.Replicas[0].Name + s.Replicas[1].Name + s.Replicas[2].Name; got != "shop-9shop-10shop-11" {
		t.Error(got)
	}
}

package ui

import (
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// The JSON is a contract with whoever reads /api/state: names, order, units.
func TestStateJSON(t *testing.T) {
	s := State{
		Strategy:   Strategy{Name: "sticky", Sentence: "One <b>sentence</b> & more."},
		Strategies: []Strategy{{Name: "sticky", Sentence: "One.", Loses: "sign-ins"}},
		Clock:      Clock{Run: 2, Phase: Running, Elapsed: Seconds(61234 * time.Millisecond), Length: Seconds(4 * time.Minute)},
		Verdict:    "3 sign-ins were lost",
		Figures: Figures{
			Users: 200, SignedIn: 190, Sent: 12345, RPS: 411.97, Lost: 3, Undone: 2, Failed: 5, AtKills: 4,
			P50: Millis(2345 * time.Microsecond), P99: Millis(1234567 * time.Microsecond),
		},
		Replicas: []Replica{{Name: "shop-3", State: ReplicaDraining, InFlight: 2, Streams: 1, Bound: 60, Served: 900, RPS: 99.96, Holds: "2 requests"}},
		Events:   []Event{{ID: 1, At: Seconds(5 * time.Second), Kind: Kill, Target: "shop-1", Text: "shop-1 was killed", Over: true}},
		Queue:    Queue{Length: 1, Bound: 10},
		Shop:     Shop{Instance: "shop-3"},
		Note:     "busy",
	}
	got, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/state.json"
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEmptyStateHasNoNull(t *testing.T) {
	got, err := encode(State{}.listed())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "null") {
		t.Errorf("a list is null: %s", got)
	}
}

func TestRateIsAlwaysANumber(t *testing.T) {
	for in, want := range map[float64]string{math.Inf(1): "0", math.Inf(-1): "0", 0: "0", 0.04: "0", 12.35: "12.4", 3e6: "3000000"} {
		got, err := encode(Rate(in))
		if err != nil || string(got) != want {
			t.Errorf("%v: got %s, %v; want %s", in, got, err, want)
		}
	}
	if got, err := encode(Rate(math.NaN())); err != nil || string(got) != "0" {
		t.Errorf("NaN: got %s, %v; want 0", got, err)
	}
}

func TestListedKeepsTheLastEventsAndTheSourcesLists(t *testing.T) {
	var s State
	for i := range 60 {
		s.Events = append(s.Events, Event{ID: i})
	}
	s.Replicas = []Replica{{Name: "b"}, {Name: "a"}}
	got := s.listed()
	if len(got.Events) != 50 || got.Events[0].ID != 10 || got.Events[49].ID != 59 {
		t.Errorf("events: %d, from %d", len(got.Events), got.Events[0].ID)
	}
	got.Replicas[0].Name = "changed"
	got.Events[0].ID = -1
	if s.Replicas[0].Name != "b" || s.Events[10].ID != 10 {
		t.Error("the source's lists were changed")
	}
}

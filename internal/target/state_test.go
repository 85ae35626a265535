package target

import (
	"encoding/json"
	"testing"
)

// Every state against every question: a new state or policy fails here first.
func TestStateAnswers(t *testing.T) {
	type row struct {
		unbound, move, finish, strict, lastResort, streams, checked bool
	}
	want := map[State]row{
		Initial:   {false, true, true, true, true, true, true},
		Healthy:   {true, true, true, true, false, true, true},
		Unhealthy: {false, false, true, false, true, true, true},
		Draining:  {false, false, true, false, false, false, false},
		Unused:    {false, false, false, false, false, false, false},
	}
	if len(want) != len(States()) || len(stateNames) != len(States()) {
		t.Fatalf("%d rows, %d names, %d states", len(want), len(stateNames), len(States()))
	}
	for _, s := range States() {
		got := row{s.AcceptsUnbound(), s.AcceptsBound(Move), s.AcceptsBound(Finish), s.AcceptsBound(Strict),
			s.AcceptsLastResort(), s.Streams(), s.Checked()}
		if got != want[s] {
			t.Errorf("%v: got %+v, want %+v", s, got, want[s])
		}
	}
	if State(99).AcceptsBound(Finish) || State(99).AcceptsUnbound() {
		t.Error("an unknown state accepts requests")
	}
}

// What accepts unbound requests accepts bound ones; a last resort is never
// also a first choice.
func TestStateConsistency(t *testing.T) {
	for _, s := range States() {
		for _, p := range []OnDraining{Move, Finish, Strict} {
			if s.AcceptsUnbound() && !s.AcceptsBound(p) {
				t.Errorf("%v accepts unbound but not bound under %v", s, p)
			}
		}
		if s.AcceptsUnbound() && s.AcceptsLastResort() {
			t.Errorf("%v is first choice and last resort", s)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	type both struct {
		S State
		P OnDraining
	}
	for _, s := range States() {
		for _, p := range []OnDraining{Move, Finish, Strict} {
			b, err := json.Marshal(both{s, p})
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"S":"` + s.String() + `","P":"` + p.String() + `"}`; string(b) != want {
				t.Errorf("got %s, want %s", b, want)
			}
			var got both
			if err := json.Unmarshal(b, &got); err != nil || got != (both{s, p}) {
				t.Errorf("%s reads as %+v, %v", b, got, err)
			}
		}
	}
}

func TestUnknownWords(t *testing.T) {
	var s State
	if err := s.UnmarshalText([]byte("Healthy")); err == nil || err.Error() != `"Healthy" is none of initial, healthy, unhealthy, draining, unused` {
		t.Errorf("got %v", err)
	}
	if _, err := State(9).MarshalText(); err == nil {
		t.Error("an unknown state was marshalled")
	}
	if got := OnDraining(7).String(); got != "OnDraining(7)" {
		t.Errorf("got %q", got)
	}
	if len(s.Allowed()) != 5 || len(OnDraining(0).Allowed()) != 3 {
		t.Error("Allowed lists are incomplete")
	}
}

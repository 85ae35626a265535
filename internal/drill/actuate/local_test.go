package actuate

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// local is a running fleet of two, and its events by signal.
func local(t *testing.T) (*Local, func(stop, signal string) plan.Event) {
	t.Helper()
	p := newPlatform(t, 0)
	event := func(stop, signal string) plan.Event {
		return plan.Event{Local: &plan.Local{Stop: stop, Signal: signal, Command: []string{p.bin + "/podserver"}, Instances: 2}}
	}
	l, err := NewLocal([]plan.Event{{Exec: "true"}, event("random", "TERM"), event("random", "KILL")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l, event
}

func pids(l *Local) (all []int) {
	for _, i := range l.fleet.Instances() {
		all = append(all, i.PID())
	}
	return all
}

// who answers at each entrance.
func who(t *testing.T, l *Local) (names []string) {
	t.Helper()
	for _, url := range l.URLs() {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		names = append(names, resp.Header.Get("X-Instance"))
	}
	return names
}

func TestLocal(t *testing.T) {
	l, event := local(t)
	want := []string{"local-1", "local-2"}
	if got := who(t, l); !slices.Equal(got, want) {
		t.Fatalf("they are %v", got)
	}
	for signal, kills := range map[string]int{"TERM": 0, "INT": 0, "": 0, "KILL": 1, "STOP": 0} {
		for _, stop := range []string{"local-2", "random"} {
			before := pids(l)
			e := event(stop, signal)
			if err := Check(t.Context(), e, Env{Local: l}); err != nil {
				t.Fatal(err)
			}
			got, err := happen(t, e, Env{Local: l})
			if err != nil {
				t.Fatalf("%s %s: %v", signal, stop, err)
			}
			wantPhases(t, got, true, true)
			if len(got.Killed) != kills || stop == "local-2" && got.Target != "local-2" {
				t.Errorf("%s %s: %+v", signal, stop, got)
			}
			if kills > 0 && (got.Killed[0].Instance != got.Target || got.Killed[0].At > got.Ready) {
				t.Errorf("killed %+v", got.Killed)
			}
			after := pids(l)
			kept := 0
			for _, pid := range after {
				if slices.Contains(before, pid) {
					kept++
				}
			}
			if wantKept := map[bool]int{true: 2, false: 1}[signal == "STOP"]; len(after) != 2 || kept != wantKept {
				t.Errorf("%s: of processes %v there are %v", signal, before, after)
			}
			if got := who(t, l); !slices.Equal(got, want) {
				t.Errorf("they are %v", got)
			}
		}
	}
}

func TestLocalThatCannotBe(t *testing.T) {
	l, event := local(t)
	for want, e := range map[string]plan.Event{
		"there is no instance none": event("none", "TERM"),
		"allowed: TERM, INT":        event("random", "USR1"),
	} {
		if err := Check(t.Context(), e, Env{Local: l}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := New(event("random", "TERM"), Env{}); err == nil {
		t.Error("an event without a fleet")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for want, all := range map[string][]plan.Event{
		"there is one fleet":       {event("random", ""), {Local: &plan.Local{Command: []string{"other"}}}},
		"there is no such program": {{Local: &plan.Local{Command: []string{"no-such-program"}}}},
	} {
		if _, err := NewLocal(all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	broken, err := NewLocal([]plan.Event{{Local: &plan.Local{Command: []string{self, "-no-such-flag"}, Instances: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close()
	if err := broken.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "ended before it answered") {
		t.Errorf("a program that does not serve: %v", err)
	}
	port := strings.TrimPrefix(l.URLs()[0], "http://127.0.0.1:")
	taken, err := NewLocal([]plan.Event{{Local: &plan.Local{Command: []string{self}, Port: atoi(t, port)}}})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := taken.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port that is taken: %v", err)
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

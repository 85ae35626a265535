// Package matrix is the drill's own proof: services with one planted fault
// each, as real processes behind a balancer, in which the drill has to find
// that fault and nothing else, and a healthy one, in which it finds nothing.
//
//	go test ./internal/drill/matrix -v
//	EVENKEEL_HEALTHY_RUNS=20 go test ./internal/drill/matrix -run TestHealthy
//
// Each row replaces an instance while sixty users work. A machine that is too
// busy makes fewer requests, and no false violation.
package matrix

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

const users = 60

// look runs the drill against a service with the fault.
func look(t *testing.T, path string, f planted, seed uint64) drill.Result {
	t.Helper()
	s := startService(t, path, f)
	event := s.replaced
	if f.event != nil {
		event = f.event(s)
	}
	load := engine.Options{
		Targets: []string{s.url}, Dialect: engine.Probe{Secret: secret}, Users: users,
		Pace: engine.Pace{Think: 100 * time.Millisecond}, Duration: 4 * time.Second, Seed: seed, Quiet: f.quiet,
		Slow:    engine.Slow{Time: 300 * time.Millisecond},
		Streams: engine.Streams{Users: 15, Retry: 100 * time.Millisecond, Drop: time.Second},
	}
	if f.check.IdleTimeout+f.check.AbsoluteTimeout > 0 {
		load.Duration = 6 * time.Second
		load.Expiry = engine.Expiry{Idle: f.check.IdleTimeout, Absolute: f.check.AbsoluteTimeout, Users: users / 3}
	}
	if f.patient {
		load.Duration, load.Pace.Think = 12*time.Second, 500*time.Millisecond
	}
	if f.noSlow {
		load.Slow.Kept = -1
	}
	r, err := drill.New(drill.Options{
		Load: load, Check: f.check, Control: 1300 * time.Millisecond, Every: load.Duration,
		Actions: func(int) drill.Action { return drill.Action{Kind: cmp.Or(f.name, f.fault), Do: event} },
	})
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range result.Outcome.Events {
		if e.Err != "" {
			t.Errorf("event %s: %s", e.Kind, e.Err)
		}
	}
	return result
}

// tell is a row of the table.
func tell(name string, result drill.Result) string {
	row := fmt.Sprintf("%-30s", name)
	counts := found(result.Outcome)
	for _, id := range check.IDs() {
		if counts[id] > 0 {
			row += fmt.Sprintf(" %v %d", id, counts[id])
		}
	}
	if len(counts) == 0 {
		row += " nothing"
	}
	row += fmt.Sprintf(" (%d requests", result.Outcome.Requests.Sent)
	if result.Outcome.Limited > 0 {
		row += fmt.Sprintf(", drill limited for %.0f %%", 100*result.Outcome.Limited)
	}
	return row + ")"
}

// table collects rows of tests that run at once.
type table struct {
	mu   sync.Mutex
	rows []string
}

func (tb *table) add(row string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, row)
}

func (tb *table) String() string {
	slices.Sort(tb.rows)
	return strings.Join(tb.rows, "\n")
}

func TestPlantedFaults(t *testing.T) {
	path := program(t)
	var rows table
	told := map[check.ID]bool{}
	t.Run("faults", func(t *testing.T) {
		for i, f := range faults {
			if testing.Short() && told[f.finds[0]] {
				continue // one fault of each kind will do
			}
			told[f.finds[0]] = true
			t.Run(cmp.Or(f.name, f.fault), func(t *testing.T) {
				t.Parallel()
				rows.add(insist(t, path, f, uint64(100*i)))
			})
		}
	})
	t.Logf("what the drill found\n%s", &rows)
}

// attempts at a fault. To find it is a matter of exposures, of which a busy
// machine gives few in the time; to blame what is not broken never is.
const attempts = 3

// insist looks for the fault until it is found, and returns its row.
func insist(t *testing.T, path string, f planted, seed uint64) string {
	t.Helper()
	var missing []string
	for n := range attempts {
		result := look(t, path, f, seed+uint64(n))
		innocent(t, f, result.Outcome)
		missing = lacks(f, result.Outcome)
		if len(missing) == 0 || t.Failed() {
			return tell(cmp.Or(f.name, f.fault), result)
		}
		t.Logf("attempt %d: %s", n+1, tell(cmp.Or(f.name, f.fault), result))
	}
	t.Errorf("in none of %d attempts: %s", attempts, strings.Join(missing, ", "))
	return cmp.Or(f.name, f.fault) + ": not found"
}

// healthyRuns is how often the healthy service is looked at.
func healthyRuns(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("EVENKEEL_HEALTHY_RUNS"), "3"))
	if err != nil || n < 1 {
		t.Fatalf("EVENKEEL_HEALTHY_RUNS: want a number from 1, not %q", os.Getenv("EVENKEEL_HEALTHY_RUNS"))
	}
	return n
}

// The control: a healthy service is never blamed, and everything that the drill
// checks was put to the test.
func TestHealthy(t *testing.T) {
	path := program(t)
	unexercised := check.IDs()
	for i := range healthyRuns(t) {
		f := planted{fault: "none", sticky: i%2 == 1}
		if i%3 == 2 {
			f.check = expiring
		}
		result := look(t, path, f, uint64(1000+i))
		t.Log(tell("none", result))
		innocent(t, planted{}, result.Outcome)
		unexercised = check.Unexercised(result.Outcome, unexercised, nil)
	}
	if len(unexercised) > 0 {
		t.Errorf("not exercised in any run: %v", unexercised)
	}
}

// A machine with no core to spare may leave the drill without a verdict; it
// must not have it blame a healthy service.
func TestHealthyOnABusyMachine(t *testing.T) {
	path := program(t)
	for range max(2, runtime.NumCPU()) {
		spin := proctest.Start(t, exec.Command("sh", "-c", "while :; do :; done"))
		t.Cleanup(spin.Kill)
	}
	result := look(t, path, planted{fault: "none"}, 2000)
	t.Log(tell("none", result))
	for _, g := range result.Outcome.Guarantees {
		if g.Bad > 0 {
			t.Errorf("%v (%s) is blamed %d times", g.ID, g.ID.Name(), g.Bad)
			blamed(t, result.Outcome, g.ID)
		}
	}
	if verdict := check.Judge(result.Outcome, check.RequiredDemo(), nil); verdict == check.VerdictFail {
		t.Error("the verdict is fail")
	}
}

package sqlitestore

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// child prepares a process that runs the test binary in another role.
func child(ctx context.Context, role, path string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{path}, args...)...)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

const countCommits, countWorkers = 150, 2

// countChild commits to the session "shared": each commit sets an attribute
// of its worker's own and draws a ticket from a common counter, which it
// prints.
func countChild(ctx context.Context) error {
	path, id := os.Args[1], os.Args[2]
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	errs := make([]error, countWorkers)
	var wg sync.WaitGroup
	for w := range countWorkers {
		wg.Go(func() {
			own := fmt.Sprintf("process-%s-worker-%d", id, w)
			for i := 1; i <= countCommits && errs[w] == nil; i++ {
				var r session.Result
				r, errs[w] = s.Commit(ctx, "shared", change(
					set(own, strconv.AppendInt(nil, int64(i), 10)),
					session.Op{Kind: session.OpAdd, Name: "tickets", N: 1}))
				if errs[w] == nil {
					fmt.Println(r.Values[1])
				}
			}
		})
	}
	wg.Wait()
	for _, err := range append(errs, s.Close()) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestProcessesLoseNothing(t *testing.T) {
	const processes = 4
	path := private(t)
	s := open(t, path, Options{})
	commit(t, s, "shared", starting())

	outputs := make([]bytes.Buffer, processes)
	var wg sync.WaitGroup
	for p := range processes {
		cmd, stderr := child(t.Context(), "count", path, strconv.Itoa(p))
		cmd.Stdout = &outputs[p]
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("process %d: %v: %s", p, err, stderr)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}

	const total = processes * countWorkers * countCommits
	seen := map[string]bool{}
	for p := range outputs {
		for ticket := range strings.Lines(outputs[p].String()) {
			if seen[ticket] {
				t.Errorf("ticket %s was drawn twice", ticket)
			}
			seen[ticket] = true
		}
	}
	rec := load(t, s, "shared")
	if got := string(rec.Attributes["tickets"]); len(seen) != total || got != strconv.Itoa(total) {
		t.Errorf("%d distinct tickets and a counter of %s, want %d", len(seen), got, total)
	}
	lost := 0
	for p := range processes {
		for w := range countWorkers {
			name := fmt.Sprintf("process-%d-worker-%d", p, w)
			if got := string(rec.Attributes[name]); got != strconv.Itoa(countCommits) {
				t.Errorf("%s is %q, want %d", name, got, countCommits)
				lost++
			}
		}
	}
	t.Logf("%d processes, %d acknowledged commits, %d lost", processes, total, lost)
}

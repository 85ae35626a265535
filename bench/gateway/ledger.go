package main

import (
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/bench/gateway/role"
)

// ledger is what targets tell of each POST.
type ledger struct {
	mu       sync.Mutex
	executed map[string]int
	reached  map[string]bool // read by a target, or acknowledged by its kernel
	wait     sync.WaitGroup
}

func newLedger() *ledger { return &ledger{executed: map[string]int{}, reached: map[string]bool{}} }

// follow reads the lines that a target prints.
func (l *ledger) follow(lines <-chan string) {
	l.wait.Go(func() {
		for line := range lines {
			what, id, _ := strings.Cut(line, " ")
			l.mu.Lock()
			switch what {
			case role.Executed:
				l.executed[id]++
			case role.Read, role.Unread:
				l.reached[id] = true
			}
			l.mu.Unlock()
		}
	})
}

// audit waits until all targets have ended. It returns how many POSTs were
// executed more than once, and how many of those that failed had reached a
// target, so that no proxy may send them again.
func (l *ledger) audit(failed []string) (doubles, acknowledged int) {
	l.wait.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.executed {
		if n > 1 {
			doubles++
		}
	}
	for _, id := range failed {
		if l.reached[id] {
			acknowledged++
		}
	}
	return doubles, acknowledged
}

package proctest

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// Main runs the tests and then fails the binary if a child process is left, or
// a process of a group that was started here. It returns the exit code:
//
//	func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	left := leaks()
	// The kernel takes a moment to end what was killed.
	for deadline := time.Now().Add(5 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = leaks() {
		<-time.After(10 * time.Millisecond)
	}
	for _, l := range left {
		fmt.Fprintf(os.Stderr, "proctest: left behind: %s\n", l)
	}
	if code == 0 && len(left) > 0 {
		code = 1
	}
	return code
}

// Leaks lists the processes that this test binary has left behind so far: its
// children, zombies included, and the members of process groups that [Start]
// began. Processes that are still in use are among them. On other systems than
// Linux it knows only of the latter's leaders.
func Leaks() []string { return leaks() }

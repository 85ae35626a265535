//go:build unix

package engine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// A process that is stopped for half a second is late, whatever timers it has:
// the operating system's clock went on. The test is its own child.
func TestStoppedProcessLimits(t *testing.T) {
	if os.Getenv("EVENKEEL_CANARY") != "" {
		watchUntilTold()
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoppedProcessLimits$", "-test.v")
	cmd.Env = append(os.Environ(), "EVENKEEL_CANARY=1")
	tell, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := proctest.Start(t, cmd)
	p.WaitLine(20*time.Second, "^watching$")
	p.Signal(syscall.SIGSTOP)
	<-time.After(500 * time.Millisecond) // the fault itself
	p.Signal(syscall.SIGCONT)
	fmt.Fprintln(tell, "enough")
	line := p.WaitLine(20*time.Second, "^health (.*)$")
	var h Health
	if err := json.Unmarshal([]byte(line[1]), &h); err != nil {
		t.Fatal(err)
	}
	if h.Status != "limited" || len(h.Windows) == 0 || h.LatenessP999 < 300*time.Millisecond {
		t.Errorf("half a second out of order and yet %+v", h)
	}
}

// watchUntilTold is the child: it watches itself until a line comes in, and a
// tick longer.
func watchUntilTold() {
	clock := NewClock()
	c := &canary{clock: clock, load: &counters{}, exhausted: none, used: processCPU}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); c.run(stop) }()
	for c.lateness.n.Load() == 0 { // or the stop could come before it looks
		time.Sleep(canaryEvery / 10)
	}
	fmt.Println("watching")
	bufio.NewScanner(os.Stdin).Scan()
	<-time.After(2 * canaryEvery)
	close(stop)
	<-ended
	b, err := json.Marshal(c.health())
	if err != nil {
		panic(err)
	}
	fmt.Printf("health %s\n", b)
}

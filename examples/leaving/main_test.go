package main

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

const soon = 30 * time.Second

// A request and a stream are under way when the first SIGTERM comes; the second
// one shortens the withdrawal. Both end whole.
func TestLeavesWithoutBreakingAnything(t *testing.T) {
	p := exampletest.Start(t, "-listen", "127.0.0.1:0")
	base := "http://" + p.WaitLine(soon, `serving address=(\S+)`)[1]
	b := exampletest.NewBrowser(t, base)

	slow := b.Open("/slow?for=4s", nil)
	defer slow.Body.Close()
	stream := b.Open("/events", nil)
	defer stream.Body.Close()
	ticks := bufio.NewReader(stream.Body)
	first, err := ticks.ReadString('\n')
	if err != nil || first != "id: 1\n" {
		t.Fatalf("the stream begins with %q, %v", first, err)
	}

	p.Signal(syscall.SIGTERM)
	p.WaitLine(soon, `withdrawing .*in_flight=1 streams=1`)
	if code, body := b.Get("/readyz"); code != http.StatusServiceUnavailable || body != "withdrawing" {
		t.Errorf("readiness: %d %s", code, body)
	}
	b.Want("/livez", "alive")
	p.Signal(syscall.SIGTERM)
	p.WaitLine(soon, `draining `)

	if body, err := io.ReadAll(slow.Body); err != nil || string(body) != "begun\ndone\n" {
		t.Errorf("slow: %q, %v", body, err)
	}
	if body, err := io.ReadAll(ticks); err != nil || !strings.HasSuffix(string(body), "\n\n") {
		t.Errorf("the stream does not end after a whole event: %q, %v", body, err)
	}
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"telemetry is flushed", "report.requests.cut=0", "report.streams.cut=0", "report.told=1", "nothing was cut: true"} {
		if !strings.Contains(p.Output(), want) {
			t.Errorf("no %q in the output", want)
		}
	}
}

func TestRefusesAGraceThatIsTooShort(t *testing.T) {
	p := exampletest.Start(t, "-listen", "127.0.0.1:0", "-grace", "30s")
	p.WaitLine(soon, `withdraw 5s \+ max\(requests 20s, streams 30s\) \+ flush 5s \+ margin 4s = 44s > grace 30s`)
	if code := p.Wait(soon); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}

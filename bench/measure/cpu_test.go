package measure

import (
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       stat
		fails      bool
	}{
		{name: "plain", line: "42 (nginx) S 1 40 40 0 -1 4194560 99 0 0 0 150 50 3 7 20 0 1 0 12345 9 9",
			want: stat{group: 40, cpu: 2 * time.Second, ended: 100 * time.Millisecond}},
		{name: "a name that looks like the rest", line: "42 (a) S 9 9) R 1 77 40 0 -1 4194560 99 0 0 0 1 2 0 0 20 0 1 0 1 9 9",
			want: stat{group: 77, cpu: 30 * time.Millisecond}},
		{name: "cut short", line: "42 (nginx) S 1 40 40 0", fails: true},
		{name: "no name", line: "42 nginx S 1 40", fails: true},
		{name: "no number", line: "42 (nginx) S 1 40 40 0 -1 4194560 99 0 0 0 x 50 3 7 20 0", fails: true},
		{name: "empty", fails: true},
	} {
		got, err := parseStat([]byte(tc.line))
		if (err != nil) != tc.fails || got != tc.want {
			t.Errorf("%s: %+v, %v, want %+v, error %v", tc.name, got, err, tc.want, tc.fails)
		}
	}
}

// The child says what getrusage(2) accounts to it, and then does nothing; we
// read /proc. Both come from the kernel, which rounds one of them to 10 ms for
// each of two numbers.
func TestAccountingsAgree(t *testing.T) {
	p := startChild(t, "burn")
	line, err := p.Line(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := time.ParseDuration(line)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if own < burnt {
		t.Fatalf("the child used %v, meant to use %v", own, burnt)
	}
	if diff := got - own; diff < -2*time.Second/ticks || diff > own/2 {
		t.Errorf("/proc says %v, the child %v", got, own)
	}
}

func TestCPUOfAnEndedProcessIsAnError(t *testing.T) {
	p := startChild(t, "echo")
	p.Stop()
	if d, err := p.CPU(); err == nil || !strings.Contains(err.Error(), "no process") {
		t.Errorf("CPU = %v, %v, want an error", d, err)
	}
}

func TestSelf(t *testing.T) {
	before, err := SelfCPU()
	if err != nil {
		t.Fatal(err)
	}
	burn(20 * time.Millisecond)
	after, err := SelfCPU()
	if err != nil || after-before < 20*time.Millisecond {
		t.Errorf("CPU went from %v to %v, %v", before, after, err)
	}
	if rss, err := PeakRSS(); err != nil || rss < 1<<20 {
		t.Errorf("peak RSS %d bytes, %v", rss, err)
	}
}

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

const exitTooMuch = 99 // of evenkeelpeak: more memory than allowed

// plainBinary is this test binary without the race detector, which takes
// several times the memory. It is made when it is first asked for.
type plainBinary struct {
	dir  string
	once sync.Once
	err  error
}

// peak N MIB ARGS… demands an exit code of evenkeel ARGS…, and that it uses no
// more than so many MiB at any time.
func (p *plainBinary) peak(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: peak N MIB ARGS…")
	}
	path := filepath.Join(p.dir, "evenkeelpeak")
	p.once.Do(func() {
		if out, err := exec.CommandContext(context.Background(), "go", "test", "-c", "-o", path, ".").CombinedOutput(); err != nil {
			p.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	ts.Check(p.err)
	exitCode(ts, false, append([]string{args[0], path}, args[1:]...))
}

// peakOf is the command evenkeelpeak MIB ARGS… of scripts: evenkeel, which must
// not use more memory than so many MiB at any time.
func peakOf() {
	limit, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	code := run(os.Args[2:], os.Stdout, os.Stderr)
	peak, err := peakMemory()
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(os.Stderr, "peak %d MiB\n", peak>>20)
	if peak > limit<<20 {
		code = exitTooMuch
	}
	os.Exit(code)
}

// peakMemory is the most memory that this process has had resident, in bytes
// (proc_pid_status(5), VmHWM).
func peakMemory() (int, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "VmHWM:" {
			kib, err := strconv.Atoi(words[1])
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM")
}

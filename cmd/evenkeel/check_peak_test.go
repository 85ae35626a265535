package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const exitTooMuch = 99 // of evenkeelpeak: more memory than allowed

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

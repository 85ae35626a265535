package measure

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is the unit of times in /proc: USER_HZ, which is 100 on every
// architecture that Go runs on.
const ticks = 100

// SelfCPU is the CPU time of this process, all of its threads, by getrusage(2).
func SelfCPU() (time.Duration, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), nil
}

// PeakRSS is the most memory that this process has had resident, in bytes.
func PeakRSS() (int64, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return r.Maxrss << 10, nil
}

// stat is what /proc/PID/stat says of a process.
type stat struct {
	group int
	cpu   time.Duration // of the process, ended threads included
	ended time.Duration // of children that ended and were waited for
}

// parseStat reads proc(5)'s "pid (name) state ppid pgrp …", where the name may
// hold anything, parentheses too. Times are the fields 14 to 17.
func parseStat(b []byte) (stat, error) {
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return stat{}, errors.New("no process name")
	}
	f := strings.Fields(string(b[end+1:])) // f[0] is field 3
	if len(f) < 15 {
		return stat{}, fmt.Errorf("%d fields after the name, want at least 15", len(f))
	}
	var n [5]int64
	for i, field := range []int{5, 14, 15, 16, 17} {
		v, err := strconv.ParseInt(f[field-3], 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("field %d: %w", field, err)
		}
		n[i] = v
	}
	unit := time.Second / ticks
	return stat{group: int(n[0]), cpu: time.Duration(n[1]+n[2]) * unit, ended: time.Duration(n[3]+n[4]) * unit}, nil
}

// groupCPU is the CPU time of the processes of a group, and of those children
// of theirs that have ended.
func groupCPU(group int) (time.Duration, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	found := false
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // ended between the listing and the look
		}
		s, err := parseStat(b)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if s.group == group {
			found = true
			sum += s.cpu + s.ended
		}
	}
	if !found {
		return 0, fmt.Errorf("no process of group %d", group)
	}
	return sum, nil
}

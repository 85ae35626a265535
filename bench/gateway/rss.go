package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// residentSet is the resident memory, in bytes, of the processes of a group:
// fields 5 (group) and 24 (pages) of proc(5)'s /proc/PID/stat.
func residentSet(group int) (int64, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // ended between the listing and the look
		}
		g, pages, err := parseResident(b)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if g == group {
			sum += pages * int64(os.Getpagesize())
		}
	}
	if sum == 0 {
		return 0, fmt.Errorf("no process of group %d", group)
	}
	return sum, nil
}

func parseResident(b []byte) (group int, pages int64, err error) {
	const first = 3 // field behind the name, which may hold anything
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) <= 24-first {
		return 0, 0, fmt.Errorf("%d fields after the name", len(f))
	}
	if group, err = strconv.Atoi(f[5-first]); err != nil {
		return 0, 0, err
	}
	pages, err = strconv.ParseInt(f[24-first], 10, 64)
	return group, pages, err
}

package proctest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// attributes give the child a process group of its own, and death with us.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func leaks() []string {
	groups.Lock()
	started := slices.Clone(groups.ids)
	groups.Unlock()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return []string{err.Error()}
	}
	var left []string
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // ended between the listing and the look
		}
		if s, ok := parseStat(b); ok && (s.parent == os.Getpid() || slices.Contains(started, s.group)) {
			left = append(left, fmt.Sprintf("%s[%d], state %s", s.name, s.pid, s.state))
		}
	}
	return left
}

type stat struct {
	pid, parent, group int
	name, state        string
}

// parseStat reads "pid (name) state ppid pgrp …" of proc(5). The name may hold
// anything, parentheses too.
func parseStat(b []byte) (stat, bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return stat{}, false
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 3 {
		return stat{}, false
	}
	s := stat{name: string(b[open+1 : end]), state: f[0]}
	for i, n := range []string{strings.TrimSpace(string(b[:open])), f[1], f[2]} {
		v, err := strconv.Atoi(n)
		if err != nil {
			return stat{}, false
		}
		*[]*int{&s.pid, &s.parent, &s.group}[i] = v
	}
	return s, true
}

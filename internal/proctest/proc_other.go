//go:build unix && !linux

package proctest

import (
	"fmt"
	"slices"
	"syscall"
)

// attributes give the child a process group of its own. There is no
// parent-death signal here.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func leaks() []string {
	groups.Lock()
	started := slices.Clone(groups.ids)
	groups.Unlock()
	var left []string
	for _, id := range started {
		if syscall.Kill(-id, 0) == nil {
			left = append(left, fmt.Sprintf("process group %d", id))
		}
	}
	return left
}

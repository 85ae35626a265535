package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// leastFree is how much room the stores need to go on: SQLite extends its
// write-ahead log by some pages with each commit.
const leastFree = 128 << 10

// errDisk ends a run whose verdict would be about a disk.
type errDisk struct {
	path string
	free uint64
}

func (e errDisk) Error() string {
	return fmt.Sprintf("--store %s: the disk is full (%d KiB free), so the run was ended; free some space or choose another place", e.path, e.free>>10)
}

// watchDisk cancels with an errDisk when the file system of the store at path
// is full. It returns when ctx ends.
func watchDisk(ctx context.Context, path string, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		var fs unix.Statfs_t
		// A file system that does not tell is not known to be full.
		if err := unix.Statfs(filepath.Dir(path), &fs); err == nil {
			if free := fs.Bavail * uint64(fs.Bsize); free < leastFree {
				cancel(errDisk{path, free})
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

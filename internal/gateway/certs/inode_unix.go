//go:build unix

package certs

import (
	"io/fs"
	"syscall"
)

// inode is the file's number, which a rename over it changes.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

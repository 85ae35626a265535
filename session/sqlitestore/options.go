package sqlitestore

import (
	"runtime"
	"time"
)

// Options are the optional settings of a Store. The zero value is ready to
// use.
type Options struct {
	// FullSync writes every batch of commits through to the disk
	// (synchronous=FULL), so that acknowledged commits survive a power loss;
	// a batch then costs an fsync. Off, they survive the death of processes
	// but the newest may be missing after a power loss.
	FullSync bool
	// BusyTimeout bounds how long a write or a load waits for other
	// processes; then it is ErrBusy. 0 is 2 s, negative does not wait.
	BusyTimeout time.Duration
	// Queue bounds the writes of this process that wait for the file; beyond
	// it they are refused with ErrQueueFull. 0 or less is 1024.
	Queue int
	// Readers bounds the loads that run at once; further ones wait. 0 or less
	// is the larger of 4 and GOMAXPROCS. Each has a connection and up to 2 MB
	// of page cache.
	Readers int
	// AllowNetworkFilesystem permits a file on NFS, SMB, 9p, most FUSE and
	// cluster file systems, where locks and shared memory are not what SQLite
	// needs: two machines on one file lose commits and destroy it. It is safe
	// only if the application knows that all processes run on one machine and
	// that the file system keeps POSIX locks and shared mappings coherent
	// there.
	AllowNetworkFilesystem bool
	// Now is the store's clock; nil is time.Now. All processes on one file
	// need the same.
	Now func() time.Time

	hooks hooks
}

// hooks let tests act inside a transaction and on new connections.
type hooks struct {
	wrote   func()   // after the first row of a transaction was written
	pragmas []string // on each writing connection
}

func (o Options) withDefaults() Options {
	switch {
	case o.BusyTimeout == 0:
		o.BusyTimeout = 2 * time.Second
	case o.BusyTimeout < 0:
		o.BusyTimeout = 0
	}
	if o.Queue <= 0 {
		o.Queue = 1024
	}
	if o.Readers <= 0 {
		o.Readers = max(4, runtime.GOMAXPROCS(0))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

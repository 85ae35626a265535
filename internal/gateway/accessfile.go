package gateway

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxAccessBuffer = 1 << 20 // waiting to be written; beyond it records are dropped and counted
	accessFlush     = time.Second
)

// accessFile takes records without ever waiting for the disk: a request must
// not. A goroutine writes them, every second or when many have come.
type accessFile struct {
	path    string // or stdout
	dropped atomic.Uint64
	more    chan struct{} // capacity 1: much waits

	mu      sync.Mutex
	waiting []byte

	file *os.File // of run alone
}

func newAccessFile(path string) *accessFile {
	return &accessFile{path: path, more: make(chan struct{}, 1)}
}

// Write implements io.Writer: one whole record.
func (f *accessFile) Write(record []byte) (int, error) {
	f.mu.Lock()
	full := len(f.waiting)+len(record) > maxAccessBuffer
	if !full {
		f.waiting = append(f.waiting, record...)
	}
	much := len(f.waiting) > maxAccessBuffer/4
	f.mu.Unlock()
	if full {
		f.dropped.Add(1)
	}
	if much {
		signal(f.more)
	}
	return len(record), nil
}

// open is called before run, so that a path that cannot be written is an
// error at the start.
func (f *accessFile) open() error {
	if f.path == "stdout" {
		f.file = os.Stdout
		return nil
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("access log: %w", err)
	}
	f.file = file
	return nil
}

// run writes until ctx ends and everything is written. It reports what
// failed, and goes on: the next try may find room again.
func (f *accessFile) run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(accessFlush)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			f.flush(failed)
			if f.file != os.Stdout {
				f.file.Close()
			}
			return
		case <-tick.C:
		case <-f.more:
		}
		f.flush(failed)
	}
}

func (f *accessFile) flush(failed func(error)) {
	f.mu.Lock()
	b := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	if len(b) == 0 {
		return
	}
	if err := f.rotated(); err != nil {
		failed(err)
	}
	if _, err := f.file.Write(b); err != nil {
		failed(fmt.Errorf("access log: %w", err))
	}
}

// rotated opens the path again when another program has moved the file away.
func (f *accessFile) rotated() error {
	if f.file == os.Stdout {
		return nil
	}
	here, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("access log: %w", err)
	}
	if there, err := os.Stat(f.path); err == nil && os.SameFile(here, there) {
		return nil
	}
	old := f.file
	if err := f.open(); err != nil {
		return err // the old one is written to until there is a new one
	}
	return old.Close()
}

var _ io.Writer = (*accessFile)(nil)

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	stateLockWait = 10 * time.Second      // for the gateway before to let go
	stateDelay    = 50 * time.Millisecond // changes in this time are written together, if nobody waits
	stateRetry    = 2 * time.Second       // after a write that failed
)

// store keeps the state file what the gateway is. Its truth is in the groups:
// collect reads it when it is written. A nil store keeps nothing.
type store struct {
	path    string
	collect func() stateFile
	write   func(path string, data []byte) error
	log     *slog.Logger
	dirty   chan struct{} // capacity 1

	mu      sync.Mutex
	turn    sync.Cond // of mu: a write has ended
	lock    *os.File  // nil: not ours, any more
	asked   uint64    // writes that were asked for
	done    uint64    // of these, those that are on disk
	writing bool
	last    []byte // that was written
	errors  uint64 // writes that failed
}

// openStore locks the file at path and reads it. It waits for another gateway
// that has it until ctx ends, 10 s at most.
func openStore(ctx context.Context, path string, log *slog.Logger) (*store, stateFile, error) {
	s := &store{path: path, write: writeAtomic, log: log, dirty: make(chan struct{}, 1)}
	s.turn.L = &s.mu
	if err := s.acquire(ctx); err != nil {
		return nil, stateFile{}, err
	}
	state, err := readState(path)
	if err != nil {
		s.lock.Close()
		return nil, stateFile{}, fmt.Errorf("%w %s: %w; to start with no state, move it away", ErrState, path, err)
	}
	removeLeftovers(path)
	return s, state, nil
}

// acquire takes the lock, which stands beside the file, because that one is
// replaced at each write.
func (s *store) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stateLockWait)
	defer cancel()
	f, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	for {
		ours, err := tryLock(f)
		switch {
		case err != nil:
			f.Close()
			return fmt.Errorf("%w: lock %s: %w", ErrState, f.Name(), err)
		case ours:
			s.mu.Lock()
			s.lock, s.last = f, nil // another may have written since
			s.mu.Unlock()
			return nil
		case ctx.Err() != nil:
			f.Close()
			return fmt.Errorf("%w %s is in use by another gateway", ErrState, s.path)
		}
		wait(ctx, 20*time.Millisecond)
	}
}

// touch makes the file be written soon.
func (s *store) touch() {
	if s != nil {
		signal(s.dirty)
	}
}

// sync returns when everything that has changed before is on disk. Concurrent
// calls share a write.
func (s *store) sync() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.syncLocked()
}

// syncLocked is sync for who holds mu, which is let go meanwhile.
func (s *store) syncLocked() error {
	s.asked++
	for mine := s.asked; s.done < mine; {
		if s.lock == nil {
			return fmt.Errorf("%w: the next gateway has the state file", ErrStopped)
		}
		if s.writing {
			s.turn.Wait()
			continue
		}
		if err := s.writeOnce(); err != nil {
			return err
		}
	}
	return nil
}

// writeOnce writes for all who have asked so far.
func (s *store) writeOnce() error {
	s.writing = true
	upTo := s.asked
	s.mu.Unlock()
	data, err := encodeState(s.collect())
	same := bytes.Equal(data, s.last) // last belongs to who is writing
	switch {
	case err != nil || same:
	case len(data) > maxStateBytes: // it could not be read again
		err = fmt.Errorf("%d bytes, allowed: at most %d", len(data), maxStateBytes)
	default:
		err = s.write(s.path, data)
	}
	s.mu.Lock()
	s.writing = false
	s.turn.Broadcast()
	if err != nil {
		s.errors++
		return fmt.Errorf("%w %s: %w", ErrState, s.path, err)
	}
	s.last, s.done = data, max(s.done, upTo)
	return nil
}

// run writes what nobody waits for, until ctx ends.
func (s *store) run(ctx context.Context) {
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.dirty:
		}
		wait(ctx, stateDelay)
		err := s.sync()
		switch {
		case errors.Is(err, ErrStopped):
		case err != nil:
			if !failed {
				s.log.LogAttrs(ctx, slog.LevelError, "state cannot be written", slog.Any("error", err))
			}
			failed = true
			wait(ctx, stateRetry)
			s.touch()
		case failed:
			s.log.LogAttrs(ctx, slog.LevelInfo, "state is written again", slog.String("path", s.path))
			failed = false
		}
	}
}

// release writes for the last time and lets go of the file.
func (s *store) release() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	err := s.syncLocked()
	for s.writing { // one that began after ours
		s.turn.Wait()
	}
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
	return err
}

// failures is how many writes failed.
func (s *store) failures() uint64 {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errors
}

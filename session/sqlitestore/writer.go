package sqlitestore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

const (
	maxBatch = 64 // jobs per transaction
	maxSweep = 32 // expired rows removed per transaction
	// sweepEvery is how often each process looks for expired rows when its
	// last look left none.
	sweepEvery = time.Second
)

// writer is the one goroutine of a process that writes to the file: one
// transaction for all jobs that wait, so that they share the cost of the
// lock, and processes compete for it once per batch instead of once per
// commit.
type writer struct {
	store *Store
	queue chan *job

	mu      sync.Mutex
	started bool
	closing bool
	stop    chan struct{} // closed to stop the goroutine
	stopped chan struct{} // closed when it has left, or never was

	writes, transactions, swept atomic.Uint64

	// Of the goroutine alone; before it starts, of Open.
	db        *conn // nil until needed and after a failure
	nextSweep time.Time
	closeErr  error // read after stopped
}

func newWriter(s *Store) *writer {
	return &writer{
		store:   s,
		queue:   make(chan *job, s.opt.Queue),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
}

// do has a job done and waits for its answer. A full queue refuses it: what
// waits already takes longer than its callers have.
func (w *writer) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return err
	}
	select {
	case w.queue <- j:
	default:
		return ErrQueueFull
	}
	return j.wait(ctx, w.stopped)
}

// start starts the goroutine at the first job.
func (w *writer) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return ErrClosed
	}
	if !w.started {
		w.started = true
		go w.run()
	}
	return nil
}

// close lets the goroutine finish the queue and waits for it.
func (w *writer) close() error {
	w.mu.Lock()
	first := !w.closing
	w.closing = true
	started := w.started
	w.mu.Unlock()
	if first {
		close(w.stop)
		if !started {
			w.closeErr = w.disconnect()
			close(w.stopped)
		}
	}
	<-w.stopped
	if first {
		return w.closeErr
	}
	return nil
}

func (w *writer) run() {
	defer close(w.stopped)
	for {
		select {
		case j := <-w.queue:
			w.process(w.collect(j))
			continue
		case <-w.stop:
		}
		for batch := w.collect(); len(batch) > 0; batch = w.collect() {
			w.process(batch)
		}
		w.closeErr = w.disconnect()
		return
	}
}

// collect adds the jobs that wait to a batch, in the order they came, and
// leaves out those whose callers have left.
func (w *writer) collect(first ...*job) []*job {
	batch := make([]*job, 0, maxBatch)
	for _, j := range first {
		if j.begin() {
			batch = append(batch, j)
		}
	}
	for len(batch) < maxBatch {
		select {
		case j := <-w.queue:
			if j.begin() {
				batch = append(batch, j)
			}
		default:
			return batch
		}
	}
	return batch
}

// process does a batch and answers its jobs. When the transaction fails, one
// job may be the reason (a large one on a nearly full disk), so each gets
// another of its own; not when the file is busy, which concerns all.
func (w *writer) process(batch []*job) {
	err := w.transact(batch)
	if err != nil && len(batch) > 1 && !busy(err) && !errors.Is(err, ErrReplaced) {
		for i := range batch {
			w.process(batch[i : i+1])
		}
		return
	}
	for _, j := range batch {
		if err != nil {
			j.err = err
		}
		close(j.done)
	}
}

// transact applies a batch in one transaction. An error means that nothing of
// it was applied; the jobs' own errors stay in them.
func (w *writer) transact(batch []*job) error {
	if len(batch) == 0 {
		return nil
	}
	if err := w.begin(); err != nil {
		return err
	}
	err := w.inside(batch)
	if err == nil {
		_, err = w.db.exec("COMMIT")
	}
	if err != nil {
		// Which errors end a transaction differs in SQLite; closing the
		// connection ends it always.
		return errors.Join(err, w.disconnect())
	}
	w.transactions.Add(1)
	return nil
}

// begin takes the file's write lock. BEGIN IMMEDIATE, since a transaction
// that begins by reading cannot wait for the lock later.
func (w *writer) begin() error {
	s := w.store
	if err := s.sameFile(); err != nil {
		return err
	}
	ctx := context.Background() // the callers watch theirs
	if w.db == nil {
		db, err := s.connect(ctx, true)
		if err != nil {
			return err
		}
		w.db = db
	}
	err := s.whileBusy(ctx, func() error {
		_, err := w.db.exec("BEGIN IMMEDIATE")
		return err
	})
	if err != nil && !busy(err) {
		return errors.Join(err, w.disconnect())
	}
	return err
}

func (w *writer) inside(batch []*job) error {
	if err := w.sameLayout(); err != nil {
		return err
	}
	wrote := false
	for _, j := range batch {
		changed, err := w.apply(j)
		if err != nil {
			return err
		}
		if hook := w.store.opt.hooks.wrote; hook != nil && changed && !wrote {
			hook()
		}
		wrote = wrote || changed
	}
	return w.sweep()
}

// sameLayout checks that no newer program has changed the layout since the
// file was opened. Loads need no such check: they read what they can or fail.
func (w *writer) sameLayout() error {
	version, err := w.db.integer("PRAGMA user_version")
	if err == nil && version != layoutVersion {
		return &FormatError{Path: w.store.path, Found: int(version), Supported: layoutVersion}
	}
	return err
}

// apply does one job. An error is one of SQLite and ends the transaction; what
// is wrong with the record or the change stays with the job.
func (w *writer) apply(j *job) (changed bool, err error) {
	r, err := selectRow(w.db, j.key)
	if code(err) != 0 {
		return false, err
	}
	if j.err = err; err != nil {
		return false, nil
	}
	next, err := j.apply(r.record, w.store.opt.Now())
	if j.err = err; err != nil || next == nil {
		return false, nil
	}
	w.writes.Add(1)
	return true, storeRow(w.db, j.key, r, next)
}

// storeRow writes a record in place of the old row. Where due stays the same
// the index is left alone.
func storeRow(db *conn, key session.Key, old row, next *session.Record) error {
	k, r, d := arg(1, string(key)), arg(2, encode(next)), due(next)
	var err error
	switch {
	case !old.found:
		_, err = db.exec("INSERT INTO session (key, record, due) VALUES (?1, ?2, ?3)", k, r, arg(3, d))
	case old.due == d:
		_, err = db.exec("UPDATE session SET record = ?2 WHERE key = ?1", k, r)
	default:
		_, err = db.exec("UPDATE session SET record = ?2, due = ?3 WHERE key = ?1", k, r, arg(3, d))
	}
	return err
}

// due is the first whole minute, in Unix milliseconds, at which the record
// has expired.
func due(r *session.Record) int64 {
	const minute = int64(time.Minute / time.Millisecond)
	return (r.Expires().UnixMilli() + minute - 1) / minute * minute
}

// sweep removes some of the rows whose life is over, if it is time to.
func (w *writer) sweep() error {
	now := w.store.opt.Now()
	// A clock that was set back must not put sweeping off for as long.
	if wait := w.nextSweep.Sub(now); wait > 0 && wait <= sweepEvery {
		return nil
	}
	n, err := w.db.exec("DELETE FROM session WHERE rowid IN (SELECT rowid FROM session WHERE due <= ?1 LIMIT ?2)",
		arg(1, now.UnixMilli()), arg(2, int64(maxSweep)))
	if err != nil {
		return err
	}
	w.swept.Add(uint64(n))
	if n < maxSweep {
		w.nextSweep = now.Add(sweepEvery)
	}
	return nil
}

func (w *writer) disconnect() error {
	if w.db == nil {
		return nil
	}
	err := w.db.close()
	w.db = nil
	return err
}

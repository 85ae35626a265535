package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/evenkeel/evenkeel/session"
)

// Store is a session.Store in one SQLite file. It is safe for concurrent use
// by any number of goroutines; any number of Stores, in this process and in
// others on the same machine, may use the same file.
type Store struct {
	path   string
	file   fs.FileInfo // what was at path when it was opened
	opt    Options
	reader *pool
	writer *writer
}

var _ session.Store = (*Store)(nil)

// Open opens the session file at path and makes it if there is none, with
// mode 0600; the folder must exist and be writable, since SQLite keeps two
// more files beside this one. What is wrong with the path or the file is an
// error that names it: ErrForeignFile, *FormatError, ErrNetworkFilesystem,
// ErrExposed, ErrBusy, ErrCorrupt or one of the operating system.
//
// Open starts no goroutine. The first write starts one, which Close stops.
func Open(path string, opt Options) (*Store, error) {
	if path == "" {
		return nil, errors.New("sqlitestore: the path of the session file is empty")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	s := &Store{path: path, opt: opt.withDefaults()}
	if s.file, err = prepareFile(path, s.opt); err != nil {
		return nil, err
	}
	s.reader = newPool(s.opt.Readers, func(ctx context.Context) (*conn, error) { return s.connect(ctx, false) })
	s.writer = newWriter(s)
	ctx := context.Background()
	c, err := s.connect(ctx, true)
	if err != nil {
		return nil, s.explain(err)
	}
	if err := s.adopt(ctx, c); err != nil {
		return nil, s.explain(errors.Join(err, c.close()))
	}
	// Kept open: a file whose last connection closes is checkpointed.
	s.writer.db = c
	return s, nil
}

// explain makes an error of Open tell which file it is about.
func (s *Store) explain(err error) error {
	if _, ok := errors.AsType[*FormatError](err); ok {
		return err
	}
	switch code(err) {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("open session file %s: %w: the file and its folder must be writable by this user", s.path, err)
	}
	return fmt.Errorf("open session file %s: %w", s.path, classify(err))
}

// connect opens a connection.
func (s *Store) connect(ctx context.Context, writes bool) (*conn, error) {
	if err := s.sameFile(); err != nil {
		return nil, err
	}
	c, err := dial(s.path)
	if err != nil {
		return nil, err
	}
	if err := s.setUp(ctx, c, writes); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// Close completes the writes that wait, refuses further calls with ErrClosed
// and releases the file. It may be called again, and then returns nil.
func (s *Store) Close() error {
	return errors.Join(s.writer.close(), s.reader.close())
}

// Load implements session.Store. It reads on a connection of its own, beside
// any write; only a load that must record something (at most one per tenth of
// the idle timeout, and those that confirm a session) goes through the write
// queue, and fails if that cannot be recorded.
//
// It looks at ctx between its steps, not while the disk reads.
func (s *Store) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	rec, err := s.read(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("load: %w", classify(err))
	}
	view, updated, err := session.Open(rec, opt, s.opt.Now())
	if err != nil || updated == nil {
		return view, err
	}
	opt.Verifiers = append([]session.Hash(nil), opt.Verifiers...)
	j := newJob(key, func(rec *session.Record, now time.Time) (*session.Record, error) {
		var updated *session.Record
		var err error
		view, updated, err = session.Open(rec, opt, now)
		return updated, err
	})
	if err := s.writer.do(ctx, j); err != nil {
		return nil, fmt.Errorf("load: %w", classify(err))
	}
	return view, nil
}

// Commit implements session.Store. The change waits in this process's queue,
// is applied in a transaction with others that wait, each for itself, and
// answered when the transaction is committed.
//
// When ctx ends first, Commit returns its error. A change that still waits
// then never happens; one that is being applied may. Either way none does
// from NotAfter on: it is compared with the clock inside the transaction,
// while no other process can write.
func (s *Store) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	var result session.Result
	c = detach(c)
	j := newJob(key, func(rec *session.Record, now time.Time) (*session.Record, error) {
		next, res, err := session.Apply(rec, c, now)
		result = res
		if next == rec {
			next = nil
		}
		return next, err
	})
	if err := s.writer.do(ctx, j); err != nil {
		return session.Result{}, fmt.Errorf("commit: %w", classify(err))
	}
	return result, nil
}

// Stats is a snapshot of what this Store has done since it was opened.
type Stats struct {
	Waiting      int    // writes in the queue now
	Writes       uint64 // records written, in transactions of all outcomes
	Transactions uint64 // committed; Writes/Transactions is the mean batch
	Swept        uint64 // expired records removed
}

// Stats may be called at any time.
func (s *Store) Stats() Stats {
	w := s.writer
	return Stats{
		Waiting:      len(w.queue),
		Writes:       w.writes.Load(),
		Transactions: w.transactions.Load(),
		Swept:        w.swept.Load(),
	}
}

// read loads a record without a lock that writers would have to wait for.
func (s *Store) read(ctx context.Context, key session.Key) (*session.Record, error) {
	c, err := s.reader.take(ctx)
	if err != nil {
		return nil, err
	}
	var r row
	err = s.whileBusy(ctx, func() error {
		if err := s.sameFile(); err != nil {
			return err
		}
		r, err = selectRow(c, key)
		return err
	})
	// A connection that met an error of SQLite is not trusted again.
	s.reader.put(c, err != nil && code(err) != 0)
	return r.record, err
}

// row is a row of the table. The zero value is none.
type row struct {
	found  bool
	due    int64
	record *session.Record
}

func selectRow(c *conn, key session.Key) (row, error) {
	var dest [2]driver.Value
	found, err := c.row("SELECT record, due FROM session WHERE key = ?1", dest[:], arg(1, string(key)))
	if err != nil || !found {
		return row{}, err
	}
	b, isBlob := dest[0].([]byte)
	due, isInt := dest[1].(int64)
	if !isBlob || !isInt {
		return row{}, fmt.Errorf("%w: row of other types", ErrCorrupt)
	}
	rec, err := decode(b)
	return row{found: true, due: due, record: rec}, err
}

// sameFile checks that the path still leads to the file that is open: writes
// to a removed file would be acknowledged and lost, and other processes would
// make a new one.
func (s *Store) sameFile() error {
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s", ErrReplaced, s.path)
	case err != nil:
		return err
	case !os.SameFile(info, s.file):
		return fmt.Errorf("%w: %s", ErrReplaced, s.path)
	}
	return nil
}

// Waits for another connection's lock begin at busyWait and double up to
// busyWaitMax, with jitter. SQLite's own busy handler goes up to 100 ms, where
// a transaction takes a fraction of one.
const (
	busyWait    = 100 * time.Microsecond
	busyWaitMax = 2 * time.Millisecond
)

// whileBusy calls f until it returns something else than busy, for
// Options.BusyTimeout or until ctx ends. f must be without effect when busy.
func (s *Store) whileBusy(ctx context.Context, f func() error) error {
	var start time.Time
	for wait := busyWait; ; wait = min(2*wait, busyWaitMax) {
		err := f()
		if !busy(err) {
			return err
		}
		if start.IsZero() {
			start = time.Now()
		}
		if time.Since(start) >= s.opt.BusyTimeout {
			return err
		}
		t := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

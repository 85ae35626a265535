package sqlitestore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
)

// Identity of a session file: PRAGMA application_id ("EKSS") and the layout's
// version, PRAGMA user_version.
const (
	applicationID = 0x454b5353
	layoutVersion = 1
)

// The layout. due is derived from the record: the minute, in Unix
// milliseconds, at which its life is surely over; it only serves sweeping, and
// whole minutes because an index entry that moved with each commit would
// double the pages written. The table has a rowid because records in a
// WITHOUT ROWID table cost three times as much to read: SQLite keeps at most
// 1 KB of such a row out of overflow pages.
const (
	createTable = `CREATE TABLE session (key TEXT NOT NULL PRIMARY KEY, due INTEGER NOT NULL, record BLOB NOT NULL)`
	createIndex = `CREATE INDEX session_due ON session (due)`
)

// setUp makes a new connection ready. Writers may set the file up.
func (s *Store) setUp(ctx context.Context, c *conn, writer bool) error {
	mode := "NORMAL"
	if s.opt.FullSync {
		mode = "FULL"
	}
	pragmas := []string{
		"PRAGMA busy_timeout = 0", // see Store.whileBusy
		"PRAGMA trusted_schema = OFF",
		"PRAGMA cell_size_check = ON",
		"PRAGMA synchronous = " + mode,
	}
	if writer {
		// A log that grew in a burst goes back to 16 MB at a checkpoint.
		pragmas = append(pragmas, "PRAGMA journal_size_limit = 16777216")
		pragmas = append(pragmas, s.opt.hooks.pragmas...)
	} else {
		pragmas = append(pragmas, "PRAGMA query_only = ON")
	}
	return s.whileBusy(ctx, func() error {
		for _, p := range pragmas {
			if _, err := c.exec(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// adopt checks that the file is a session file that this version can use, or
// makes an empty file one. It also finds out whether the file can be written.
func (s *Store) adopt(ctx context.Context, c *conn) error {
	inspect := func() error { return inTransaction(c, "BEGIN", func() error { return s.checkIdentity(c) }) }
	if err := s.whileBusy(ctx, inspect); err != nil {
		return err
	}
	// Not inside the transaction below: the journal mode cannot change there.
	if err := s.whileBusy(ctx, func() error { return useWAL(c) }); err != nil {
		return err
	}
	return s.whileBusy(ctx, func() error {
		return inTransaction(c, "BEGIN IMMEDIATE", func() error { return s.create(c) })
	})
}

// inTransaction runs f between begin and COMMIT, or ROLLBACK if it fails.
func inTransaction(c *conn, begin string, f func() error) error {
	if _, err := c.exec(begin); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = c.exec("COMMIT")
	}
	if err != nil {
		// The first error is the one to report. Some errors have ended the
		// transaction, and then there is nothing to roll back.
		_, _ = c.exec("ROLLBACK")
	}
	return err
}

// checkIdentity refuses foreign files and newer layouts. An empty file passes.
// It needs a transaction: another process may be laying the file out.
func (s *Store) checkIdentity(c *conn) error {
	id, err := c.integer("PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := c.integer("PRAGMA user_version")
	if err != nil {
		return err
	}
	objects, err := c.integer("SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return err
	case id == 0 && version == 0 && objects == 0:
		return nil
	case id != applicationID:
		return fmt.Errorf("%w: it is another application's SQLite database (application_id %#x)", ErrForeignFile, id)
	case version > layoutVersion:
		return &FormatError{Path: s.path, Found: int(version), Supported: layoutVersion}
	case version < 1:
		return fmt.Errorf("%w: layout version %d", ErrForeignFile, version)
	}
	return nil
}

func useWAL(c *conn) error {
	var mode [1]driver.Value
	if _, err := c.row("PRAGMA journal_mode = WAL", mode[:]); err != nil {
		return err
	}
	if m, _ := mode[0].(string); !strings.EqualFold(m, "wal") {
		return fmt.Errorf("this file system does not support SQLite's write-ahead log (journal mode stays %q)", m)
	}
	return nil
}

// create lays an empty file out; it leaves a session file as it is.
func (s *Store) create(c *conn) error {
	if err := s.checkIdentity(c); err != nil { // it may have changed
		return err
	}
	id, err := c.integer("PRAGMA application_id")
	if err != nil || id == applicationID {
		return err
	}
	for _, q := range []string{
		createTable,
		createIndex,
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", layoutVersion),
	} {
		if _, err := c.exec(q); err != nil {
			return err
		}
	}
	return nil
}

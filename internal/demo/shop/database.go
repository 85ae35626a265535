package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// connections of one replica to one file; more only wait for one another.
const connections = 8

// openDB opens a SQLite file that several processes write to, and makes it
// where it is not. A writer waits up to 4 s for the others, which is less than
// a replica that leaves gives its requests.
func openDB(ctx context.Context, path, schema string) (*sql.DB, error) {
	db, err := connect(ctx, path, schema)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

func connect(ctx context.Context, path, schema string) (*sql.DB, error) {
	if err := private(path); err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") && filepath.IsAbs(path) {
		slashed = "/" + slashed // C:/…
	}
	dsn := "file:" + (&url.URL{Path: slashed}).EscapedPath() +
		"?mode=rw&_pragma=busy_timeout(4000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := create(ctx, db, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// create tries as long as others are at it: the change of a new file to the
// write-ahead log does not wait for them by itself.
func create(ctx context.Context, db *sql.DB, schema string) error {
	for deadline := time.Now().Add(4 * time.Second); ; {
		_, err := db.ExecContext(ctx, schema)
		if busy, ok := errors.AsType[*sqlite.Error](err); !ok || busy.Code()&0xff != 5 || time.Now().After(deadline) {
			return err // 5 is SQLITE_BUSY
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// private makes an empty file that only its owner reads: session IDs are in it.
// One that is there already is left alone, because closing it would drop the
// locks that SQLite may hold on it in this process.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return f.Close()
}

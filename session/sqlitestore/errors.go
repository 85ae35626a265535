package sqlitestore

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors of this store, beside those of package session. None of them means
// that a session is absent. Use errors.Is and errors.As.
var (
	// ErrClosed: the store was closed, or is being closed.
	ErrClosed = errors.New("sqlitestore: store is closed")
	// ErrQueueFull: Options.Queue writes are waiting already. This one was
	// refused at once and never will be applied.
	ErrQueueFull = errors.New("sqlitestore: write queue is full")
	// ErrBusy: another process held the file for longer than
	// Options.BusyTimeout. Nothing was written.
	ErrBusy = errors.New("sqlitestore: file is locked by another process")
	// ErrFull: there is no space left for the write. Nothing of it was
	// applied, loads that have nothing to record go on, and writes work again
	// as soon as there is space.
	ErrFull = errors.New("sqlitestore: no space left")
	// ErrIO: the disk failed. The write is not visible.
	ErrIO = errors.New("sqlitestore: disk I/O error")
	// ErrCorrupt: the file or the record is damaged. It is not absent.
	ErrCorrupt = errors.New("sqlitestore: stored data is damaged")
	// ErrReplaced: the file at the path is no longer the one that was opened;
	// somebody removed or replaced it. Open the store again.
	ErrReplaced = errors.New("sqlitestore: file was removed or replaced while open")
	// ErrForeignFile: the path holds something that is not a session file.
	ErrForeignFile = errors.New("sqlitestore: not a session file")
	// ErrExposed: others than the owner and the group may get at the file.
	ErrExposed = errors.New("sqlitestore: file is open to other users")
	// ErrNetworkFilesystem: see Options.AllowNetworkFilesystem.
	ErrNetworkFilesystem = errors.New("sqlitestore: network file system")
)

// FormatError is the error of a file whose layout is newer than this version
// of the package can use.
type FormatError struct {
	Path      string
	Found     int // PRAGMA user_version of the file
	Supported int // the newest layout that this package knows
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("sqlitestore: %s has layout version %d, this program knows versions up to %d: update the program or use another file",
		e.Path, e.Found, e.Supported)
}

// code is the primary result code of an SQLite error, or 0.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// busy tells that err went away if another connection let go of its lock.
func busy(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_LOCKED
}

// classify adds the sentinel that callers branch on to an error of SQLite.
func classify(err error) error {
	var sentinel error
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		sentinel = ErrBusy
	case sqlite3.SQLITE_FULL:
		sentinel = ErrFull
	case sqlite3.SQLITE_IOERR:
		sentinel = ErrIO
	case sqlite3.SQLITE_CORRUPT:
		sentinel = ErrCorrupt
	case sqlite3.SQLITE_NOTADB:
		sentinel = ErrForeignFile
	default:
		return err
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

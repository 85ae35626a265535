package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// conn is one SQLite connection with its prepared statements. It is used by
// one goroutine at a time.
//
// It stands directly on the driver: database/sql starts a goroutine per
// database and costs about as much per query as SQLite itself.
type conn struct {
	db         driver.Conn
	statements map[string]driver.Stmt
}

// dial opens the file, which must exist. SQLite reports a foreign or locked
// file only at the first statement.
func dial(path string) (*conn, error) {
	c, err := sqlite.NewConnector(dsn(path))
	if err != nil {
		return nil, err
	}
	db, err := c.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	return &conn{db: db, statements: map[string]driver.Stmt{}}, nil
}

// dsn is an SQLite URI: mode=rw never creates a file, since one that SQLite
// creates is readable by everybody.
func dsn(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/...
	}
	u := url.URL{Path: slashed}
	return "file:" + u.EscapedPath() + "?mode=rw&_defensive=1&_dqs=0&_error_rc=1"
}

func (c *conn) statement(query string) (driver.Stmt, error) {
	if st, ok := c.statements[query]; ok {
		return st, nil
	}
	st, err := c.db.Prepare(query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = st
	return st, nil
}

// exec runs one statement and returns the number of rows it changed.
func (c *conn) exec(query string, args ...driver.NamedValue) (int64, error) {
	st, err := c.statement(query)
	if err != nil {
		return 0, err
	}
	// A Background context: one that can end costs a goroutine per statement.
	res, err := st.(driver.StmtExecContext).ExecContext(context.Background(), args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row reads the first row of a query into dest and reports whether there was
// one.
func (c *conn) row(query string, dest []driver.Value, args ...driver.NamedValue) (found bool, err error) {
	st, err := c.statement(query)
	if err != nil {
		return false, err
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(context.Background(), args)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	switch err := rows.Next(dest); {
	case errors.Is(err, io.EOF):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// integer reads the one integer that a query yields.
func (c *conn) integer(query string) (int64, error) {
	var dest [1]driver.Value
	found, err := c.row(query, dest[:])
	if err != nil {
		return 0, err
	}
	n, ok := dest[0].(int64)
	if !found || !ok {
		return 0, fmt.Errorf("%w: %s yields no integer", ErrCorrupt, query)
	}
	return n, nil
}

// close rolls an open transaction back. Statements go first: SQLite keeps a
// connection with its locks alive as long as it has statements.
func (c *conn) close() error {
	var errs []error
	for _, st := range c.statements {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.db.Close())...)
}

// arg is the n-th argument of a statement, counted from 1.
func arg(n int, v driver.Value) driver.NamedValue {
	return driver.NamedValue{Ordinal: n, Value: v}
}

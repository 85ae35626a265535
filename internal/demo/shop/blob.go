package shop

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// blob keeps each session as one value in a database that all replicas share:
// loaded when a request begins, saved whole when it answers, as session
// libraries usually do. It outlives every replica, and two requests at once
// undo each other's changes. An ended session is not brought back.
type blob struct {
	cookie string
	db     *sql.DB
	logger *slog.Logger
}

// NewBlob keeps sessions in the SQLite file at path.
func NewBlob(ctx context.Context, cookie, path string, logger *slog.Logger) (Sessions, error) {
	db, err := openDB(ctx, path, `CREATE TABLE IF NOT EXISTS blob (id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID`)
	if err != nil {
		return nil, err
	}
	return &blob{cookie: cookie, db: db, logger: logger}, nil
}

func (b *blob) Close() error { return b.db.Close() }

func (b *blob) Visit(r *http.Request) Visit { return r.Context().Value(visitKey{}).(*blobVisit) }

func (b *blob) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What a client that goes away has asked for is saved all the same.
		v := &blobVisit{b: b, ctx: context.WithoutCancel(r.Context()), id: cookieValue(r, b.cookie), data: &data{}}
		if err := v.load(); err != nil {
			logFailure(b.logger, "load the session", err)
			failed(w, r, err)
			return
		}
		sw := newSavingWriter(w, r, v)
		next.ServeHTTP(sw, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
		sw.save() // not after a panic
	})
}

type blobVisit struct {
	b       *blob
	ctx     context.Context // of the request, without its cancellation
	id      string          // "" is no session in the store
	data    *data
	changed bool
	renew   bool
	over    bool
}

func (v *blobVisit) load() error {
	if v.id == "" {
		return nil
	}
	var raw []byte
	err := v.b.db.QueryRowContext(v.ctx, `SELECT data FROM blob WHERE id = ?`, v.id).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		v.id = ""
		return nil
	}
	if err != nil {
		return fmt.Errorf("load the session: %w", err)
	}
	if err := json.Unmarshal(raw, v.data); err != nil {
		return fmt.Errorf("load the session: %w", err)
	}
	return nil
}

// save writes what has changed, in one statement, and then tells the browser.
func (v *blobVisit) save(w http.ResponseWriter) error {
	if v.over {
		return v.end(w)
	}
	if !v.changed {
		return nil
	}
	raw, err := json.Marshal(v.data)
	if err != nil {
		return fmt.Errorf("save the session: %w", err)
	}
	id := v.id
	if id == "" || v.renew {
		id = rand.Text()
	}
	if v.id == "" {
		err = v.write(`INSERT INTO blob (data, id) VALUES (?, ?)`, raw, id)
	} else {
		err = v.write(`UPDATE blob SET data = ?, id = ? WHERE id = ?`, raw, id, v.id)
	}
	if err != nil {
		return err
	}
	if id != v.id {
		setCookie(w, v.b.cookie, id)
	}
	return nil
}

func (v *blobVisit) end(w http.ResponseWriter) error {
	if v.id != "" {
		if err := v.write(`DELETE FROM blob WHERE id = ?`, v.id); err != nil {
			return err
		}
	}
	setCookie(w, v.b.cookie, "")
	return nil
}

// write changes one row, or finds that there is none any more.
func (v *blobVisit) write(statement string, args ...any) error {
	res, err := v.b.db.ExecContext(v.ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("save the session: %w", err)
	}
	switch n, err := res.RowsAffected(); {
	case err != nil:
		return fmt.Errorf("save the session: %w", err)
	case n == 0:
		return ErrEnded
	}
	return nil
}

func (v *blobVisit) User() (string, error) { return v.data.User, nil }

func (v *blobVisit) SignIn(user string) error {
	v.data = v.data.signedIn(user)
	v.renew, v.changed = true, true
	return nil
}

func (v *blobVisit) SignOut() error {
	v.over = true
	return nil
}

func (v *blobVisit) Renew() error {
	if v.id != "" {
		v.renew, v.changed = true, true
	}
	return nil
}

func (v *blobVisit) Add(department, item string) error {
	v.changed = true
	return v.data.add(department, item)
}

func (v *blobVisit) Cart() ([]Line, error) { return v.data.cart(), nil }

func (v *blobVisit) Remove(lines []Line) error {
	v.changed = v.changed || len(lines) > 0
	v.data.remove(lines)
	return nil
}

func (v *blobVisit) Ticket(context.Context) (int64, error) {
	v.changed = true
	v.data.N++
	return v.data.N, nil
}

func (v *blobVisit) Tickets() (int64, error) { return v.data.N, nil }

func (v *blobVisit) Done() <-chan struct{} { return nil }

package sqlitestore

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// childEnv makes the test binary a process that works on a session file
// instead of running tests; the value is what it does.
const childEnv = "EVENKEEL_SQLITESTORE_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "count":
		exit(countChild(context.Background()))
	case "commit":
		exit(commitChild(context.Background()))
	case "pace":
		exit(paceChild(context.Background()))
	default:
		os.Exit(2)
	}
}

func exit(err error) {
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// verifier is that of every session in these tests.
var verifier = session.Hash{1, 2, 3}

var byVerifier = session.LoadOptions{Verifiers: []session.Hash{verifier}, Passive: true}

// private makes a folder for one session file, whatever the umask.
func private(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "sessions.db")
}

func open(t testing.TB, path string, opt Options) *Store {
	t.Helper()
	s, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// change is one that any live session of these tests takes.
func change(ops ...session.Op) session.Change {
	return session.Change{WriteID: rand.Text(), Generation: 1, NotAfter: time.Now().Add(time.Minute), Ops: ops}
}

func starting(ops ...session.Op) session.Change {
	c := change(ops...)
	c.Start = &session.Start{Verifier: verifier, Idle: time.Hour}
	return c
}

func set(name string, value []byte) session.Op {
	return session.Op{Kind: session.OpSet, Name: name, Value: value}
}

func commit(t testing.TB, s *Store, key session.Key, c session.Change) session.Result {
	t.Helper()
	r, err := s.Commit(t.Context(), key, c)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return r
}

func load(t testing.TB, s *Store, key session.Key) *session.Record {
	t.Helper()
	rec, err := s.Load(t.Context(), key, byVerifier)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return rec
}

// rewrite changes the stored form of a record behind the store's back.
func rewrite(path string, key session.Key, f func(stored []byte) []byte) error {
	c, err := dial(path)
	if err != nil {
		return err
	}
	var dest [1]driver.Value
	_, err = c.row("SELECT record FROM session WHERE key = ?1", dest[:], arg(1, string(key)))
	if stored, ok := dest[0].([]byte); ok && err == nil {
		_, err = c.exec("UPDATE session SET record = ?2 WHERE key = ?1", arg(1, string(key)), arg(2, f(stored)))
	} else if err == nil {
		err = errors.New("no such record")
	}
	return errors.Join(err, c.close())
}

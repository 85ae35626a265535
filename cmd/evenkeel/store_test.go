package main

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

// A store file that a later version has written is refused by name, before
// anything starts.
func TestStoreOfANewerFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "newer.db")
	s, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run([]string{"demo", "--strategy", "evenkeel", "--for", "20s", "--page", "off", "--store", "sqlite:" + path}, &stdout, &stderr)
	if code != exitUsage || stdout.Len() != 0 {
		t.Errorf("exit code %d, output %q", code, stdout.String())
	}
	line := stderr.String()
	if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "evenkeel: --store: ") || !strings.Contains(line, path) || !strings.Contains(line, "99") {
		t.Errorf("error %q", line)
	}
}

package sqlitestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// plant makes an SQLite file that statements were run on.
func plant(t *testing.T, path string, statements ...string) {
	t.Helper()
	if _, err := create(path); err != nil {
		t.Fatal(err)
	}
	c, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range statements {
		if _, err := c.exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, path string) string // returns the path to open
		want    error
	}{
		{"empty path", func(*testing.T, string) string { return "" }, nil},
		{"folder that does not exist", func(_ *testing.T, path string) string {
			return filepath.Join(path, "missing", "sessions.db")
		}, fs.ErrNotExist},
		{"folder that is a file", func(t *testing.T, path string) string {
			plant(t, path)
			return filepath.Join(path, "sessions.db")
		}, nil},
		{"path that is a folder", func(_ *testing.T, path string) string { return filepath.Dir(path) }, ErrForeignFile},
		{"dangling link", func(t *testing.T, path string) string {
			if err := os.Symlink("nowhere", path); err != nil {
				t.Fatal(err)
			}
			return path
		}, fs.ErrNotExist},
		{"text file", func(t *testing.T, path string) string {
			if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, ErrForeignFile},
		{"another application's tables", func(t *testing.T, path string) string {
			plant(t, path, "CREATE TABLE songs (title TEXT)")
			return path
		}, ErrForeignFile},
		{"another application's file", func(t *testing.T, path string) string {
			plant(t, path, "PRAGMA application_id = 77", "PRAGMA user_version = 1")
			return path
		}, ErrForeignFile},
		{"our file without a layout", func(t *testing.T, path string) string {
			plant(t, path, "PRAGMA application_id = 0x454b5353")
			return path
		}, ErrForeignFile},
		{"file that others can read", func(t *testing.T, path string) string {
			plant(t, path)
			if err := os.Chmod(path, 0o604); err != nil {
				t.Fatal(err)
			}
			return path
		}, ErrExposed},
		{"folder that anybody can write to", func(t *testing.T, path string) string {
			if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			return path
		}, ErrExposed},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.prepare(t, private(t))
			s, err := Open(path, Options{})
			if err == nil {
				_ = s.Close()
				t.Fatal("opened")
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
			// Where the folder is what is wrong, the error names that.
			if !strings.Contains(err.Error(), filepath.Dir(path)) && path != "" {
				t.Errorf("error %q does not name %s", err, path)
			}
		})
	}
}

func TestOpenRefusesNewerLayout(t *testing.T) {
	path := private(t)
	plant(t, path, createTable, "PRAGMA application_id = 0x454b5353", "PRAGMA user_version = 9")
	_, err := Open(path, Options{})
	e, ok := errors.AsType[*FormatError](err)
	if !ok || *e != (FormatError{Path: path, Found: 9, Supported: layoutVersion}) {
		t.Fatalf("got %v, want a FormatError for %s", err, path)
	}
	for _, part := range []string{path, "9", "1"} {
		if !strings.Contains(e.Error(), part) {
			t.Errorf("error %q does not tell %s", e, part)
		}
	}
}

func TestNewerLayoutWhileOpen(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{})
	commit(t, s, "k", starting())
	load(t, s, "k")
	c, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.exec("PRAGMA user_version = 2"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Commit(t.Context(), "k", change())
	if e, ok := errors.AsType[*FormatError](err); !ok || e.Found != 2 {
		t.Errorf("got error %v, want a FormatError", err)
	}
	load(t, s, "k")
}

func TestFileIsPrivate(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{})
	commit(t, s, "k", starting())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %#o, want 600", path+suffix, info.Mode().Perm())
		}
	}
}

func TestPathOfAnyCharacters(t *testing.T) {
	dir := filepath.Dir(private(t))
	for _, name := range []string{"a b.db", "a?mode=memory", "a#b%41&c=d", "größe.db", ":memory:"} {
		s := open(t, filepath.Join(dir, name), Options{})
		commit(t, s, "k", starting())
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestFolderDoesNotChangeWithTheProcess(t *testing.T) {
	t.Chdir(filepath.Dir(private(t)))
	s := open(t, "sessions.db", Options{})
	commit(t, s, "k", starting())
	t.Chdir(filepath.Dir(private(t)))
	load(t, s, "k")
}

func TestSettingsReachSQLite(t *testing.T) {
	for full, want := range map[bool]int64{false: 1, true: 2} {
		s := open(t, private(t), Options{FullSync: full})
		c, err := s.connect(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.integer("PRAGMA synchronous"); err != nil || got != want {
			t.Errorf("FullSync %v: synchronous is %d, %v, want %d", full, got, err, want)
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := open(t, private(t), Options{})
	c, err := s.reader.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.reader.put(c, false)
	if _, err := c.exec("DELETE FROM session"); err == nil {
		t.Error("a reading connection could write")
	}
}

func TestReplacedFileIsNoticed(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{})
	commit(t, s, "k", starting())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, path+".old"+suffix); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		if _, err := s.Load(t.Context(), "k", byVerifier); !errors.Is(err, ErrReplaced) || errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: load: got error %v, want ErrReplaced", when, err)
		}
		if _, err := s.Commit(t.Context(), "k", change()); !errors.Is(err, ErrReplaced) {
			t.Errorf("%s: commit: got error %v, want ErrReplaced", when, err)
		}
	}
	check("removed")
	open(t, path, Options{})
	check("replaced")
}

// Whoever comes second to a new file must find it ready.
func TestManyOpenANewFile(t *testing.T) {
	for round := range 20 {
		path := private(t)
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				s, err := Open(path, Options{})
				if err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
				defer s.Close()
				if _, err := s.Commit(t.Context(), killKey(i), starting()); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
	}
}

package sqlitestore

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// smallDisk mounts a file system of one megabyte; not everybody may.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("EVENKEEL_REQUIRE"), ","), "mount") {
			t.Fatalf("EVENKEEL_REQUIRE=mount: %v", err)
		}
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk that is full, not just a file at its bound: here the log cannot
// grow, which SQLite notices in the middle of COMMIT.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	path := filepath.Join(dir, "sessions.db")
	s := open(t, path, Options{})
	commit(t, s, "k", starting(set("a", []byte("0")), set("b", []byte("0"))))
	load(t, s, "k")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	value := []byte(strings.Repeat("x", 30<<10))
	for range 3 {
		if _, err := s.Commit(t.Context(), "k", change(set("a", value), set("b", value))); !errors.Is(err, ErrFull) {
			t.Fatalf("commit on a full disk: got error %v, want ErrFull", err)
		}
		if rec := load(t, s, "k"); string(rec.Attributes["a"]) != "0" || string(rec.Attributes["b"]) != "0" {
			t.Fatal("the failed commit left something")
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	commit(t, s, "k", change(set("a", value), set("b", value)))
	if rec := load(t, s, "k"); string(rec.Attributes["a"]) != string(value) || string(rec.Attributes["b"]) != string(value) {
		t.Error("the commit after there was space again is missing")
	}
	if err := integrity(path); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t)
	old, fresh := filepath.Join(dir, "old.db"), filepath.Join(dir, "fresh.db")
	s, err := Open(old, Options{})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, "k", starting())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{old, fresh} {
		if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("got error %v, want one that names %s", err, path)
		} else {
			t.Log(err)
		}
	}
}

package sqlitestore

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// A file with no space left refuses what does not fit, keeps all else, and
// goes on when there is space again.
func TestNoSpaceLeft(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{hooks: hooks{pragmas: []string{"PRAGMA max_page_count = 40"}}})
	large := []byte(strings.Repeat("x", 60<<10))
	commit(t, s, "small", starting(set("a", []byte("1")), set("b", []byte("1"))))
	load(t, s, "small")

	filled := 0
	var err error
	for i := 0; err == nil && i < 10; i++ {
		if _, err = s.Commit(t.Context(), killKey(i), starting(set("large", large))); err == nil {
			filled++
		}
	}
	if !errors.Is(err, ErrFull) || errors.Is(err, session.ErrNotFound) {
		t.Fatalf("%d sessions, then error %v, want ErrFull", filled, err)
	}
	if _, err := s.Load(t.Context(), killKey(filled), byVerifier); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the refused session: got error %v, want ErrNotFound", err)
	}
	// Both attributes or none, and what was there stays.
	_, err = s.Commit(t.Context(), "small", change(set("a", []byte("2")), set("b", large)))
	if rec := load(t, s, "small"); !errors.Is(err, ErrFull) || string(rec.Attributes["a"]) != "1" || string(rec.Attributes["b"]) != "1" {
		t.Errorf("got error %v and a=%s, want ErrFull and nothing applied", err, rec.Attributes["a"])
	}
	commit(t, s, "small", change(set("a", []byte("3")))) // fits
	makeRoom(t, s, path, large)
}

// makeRoom frees pages and checks that the next large session fits.
func makeRoom(t *testing.T, s *Store, path string, large []byte) {
	t.Helper()
	bye := change()
	bye.Invalidate = session.ReasonSignOut
	commit(t, s, killKey(0), bye)
	commit(t, s, "late", starting(set("large", large)))
	// Not by Load, whose first one confirms the session and needs space again.
	rec, err := s.read(t.Context(), "late")
	if err != nil || string(rec.Attributes["large"]) != string(large) {
		t.Errorf("got %d bytes, %v, want %d", len(rec.Attributes["large"]), err, len(large))
	}
	if err := integrity(path); err != nil {
		t.Error(err)
	}
}

// In a batch, one write that finds no space must not take the others along.
func TestNoSpaceLeftConcernsOneJob(t *testing.T) {
	s, entered, proceed := stall(t, Options{hooks: hooks{pragmas: []string{"PRAGMA max_page_count = 30"}}})
	go func() { _, _ = s.Commit(t.Context(), "stalls", starting()) }()
	<-entered
	errs := make([]error, 9)
	var wg sync.WaitGroup
	for i := range errs {
		value := []byte("fits")
		if i%3 == 1 {
			value = []byte(strings.Repeat("x", 60<<10))
		}
		wg.Go(func() {
			_, errs[i] = s.Commit(t.Context(), killKey(i), starting(set("a", value), set("b", value), set("c", value)))
		})
	}
	waitFor(t, "a batch", func() bool { return s.Stats().Waiting == len(errs) })
	proceed()
	wg.Wait()
	for i, err := range errs {
		if large := i%3 == 1; large != errors.Is(err, ErrFull) || !large && err != nil {
			t.Errorf("job %d: got error %v", i, err)
		}
	}
}

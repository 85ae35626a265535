package link

import (
	"testing"

	"github.com/evenkeel/evenkeel/internal/redistest"
)

func TestATermIsAskedForOnceAndEndsWithTheConnection(t *testing.T) {
	s := redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	first, err := w.Term(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info("replication")
	if err != nil || first.ID != info["master_replid"] || first.Node() != s.Addr || !first.Holds() {
		t.Errorf("%+v at %q, the server says %v, %v", first.ID, first.Node(), info, err)
	}
	calls := w.Stats().Calls
	if again, err := w.Term(t.Context(), "other"); err != nil || again != first || w.Stats().Calls != calls {
		t.Errorf("again: %v, %v, %d calls", again, err, w.Stats().Calls-calls)
	}
	first.Forget()
	if again, err := w.Term(t.Context(), "k"); err != nil || again != first || w.Stats().Calls != calls+1 {
		t.Errorf("after Forget: %v, %v, %d calls", again, err, w.Stats().Calls-calls)
	}
	s.Restart(t)
	eventually(t, "another term", func() error {
		now, err := w.Term(t.Context(), "k")
		if err == nil && (first.Holds() || now.ID == first.ID) {
			t.Fatal("the term outlives the process")
		}
		return err
	})
	if err := w.Close(); err != nil || first.Holds() {
		t.Errorf("after Close: %v", err)
	}
}

func TestOnlyAMasterHasATerm(t *testing.T) {
	if id, err := ParseTerm("# Replication\r\nrole:master\r\nmaster_replid:abc\r\n"); id != "abc" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	for _, text := range []string{"", "role:slave\r\nmaster_replid:abc\r\n", "role:master\r\n", "role:master\r\nmaster_replid:\r\n"} {
		if id, err := ParseTerm(text); err == nil {
			t.Errorf("%q is a term %q", text, id)
		}
	}
	var zero Term
	zero.Forget()
	if zero.Holds() || zero.Node() != "" {
		t.Error("the zero Term says something")
	}
}

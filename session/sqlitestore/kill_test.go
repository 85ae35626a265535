package sqlitestore

import (
	"bufio"
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

const (
	killRounds   = 50
	killInside   = 25 // rounds killed between BEGIN and COMMIT
	killSessions = 3  // written to at once, so that there are batches
)

// bulk makes each attribute span pages, so that a half-written one is
// possible at all.
var bulk = bytes.Repeat([]byte{'.'}, 20<<10)

func killKey(i int) session.Key { return session.Key("session-" + strconv.Itoa(i)) }

// commitChild commits to the sessions as fast as it can until it is killed,
// and prints "ack SESSION N" after each commit. Commit N sets the attributes
// a and b to N and adds 1 to the counter n, so all three agree. If the second
// argument is not 0, it prints "inside" in that transaction of the process,
// after its first write, and stops there for ever.
func commitChild(ctx context.Context) error {
	stopAt, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		return err
	}
	var transactions atomic.Int64
	s, err := Open(os.Args[1], Options{hooks: hooks{
		wrote: func() {
			if transactions.Add(1) == stopAt {
				fmt.Println("inside")
				select {}
			}
		},
		// A tiny cache: pages go to the log before the commit.
		pragmas: []string{"PRAGMA cache_size = 1"},
	}})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for i := range killSessions {
		go func() { failed <- commitForEver(ctx, s, i) }()
	}
	return <-failed
}

func commitForEver(ctx context.Context, s *Store, i int) error {
	rec, err := s.Load(ctx, killKey(i), byVerifier)
	if err != nil {
		return err
	}
	n, err := agreed(rec)
	if err != nil {
		return err
	}
	for {
		n++
		value := append(strconv.AppendInt(nil, n, 10), bulk...)
		r, err := s.Commit(ctx, killKey(i), change(
			set("a", value), set("b", value), session.Op{Kind: session.OpAdd, Name: "n", N: 1}))
		if err != nil {
			return err
		}
		if r.Values[2] != n {
			return fmt.Errorf("counter is %d, want %d", r.Values[2], n)
		}
		fmt.Printf("ack %d %d\n", i, n)
	}
}

// agreed returns what a, b and n of a record agree on.
func agreed(rec *session.Record) (int64, error) {
	n := rec.Attributes["n"]
	want := append(bytes.Clone(n), bulk...)
	if !bytes.Equal(rec.Attributes["a"], want) || !bytes.Equal(rec.Attributes["b"], want) {
		return 0, errors.New("a commit is half applied")
	}
	return strconv.ParseInt(string(n), 10, 64)
}

// killed is what a round ended with.
type killed struct {
	inside bool
	acked  [killSessions]int64 // the last acknowledged commits, 0 if none
	count  int
}

// killRound runs a process and kills it: inside its transaction number
// stopAt, or after so many acknowledgements if stopAt is 0.
func killRound(t *testing.T, path string, stopAt, acks int) killed {
	t.Helper()
	cmd, stderr := child(t.Context(), "commit", path, strconv.Itoa(stopAt))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var k killed
	shot := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "inside" {
			k.inside = true
		} else {
			var i int
			var n int64
			if _, err := fmt.Sscanf(lines.Text(), "ack %d %d", &i, &n); err != nil {
				t.Fatalf("line %q: %v", lines.Text(), err)
			}
			k.acked[i], k.count = n, k.count+1
		}
		if !shot && (k.inside || stopAt == 0 && k.count >= acks) {
			shot = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	checkKilled(t, cmd, stderr)
	return k
}

func checkKilled(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatalf("process ended with %v, want a kill: %s", err, stderr)
	}
	if exit.ExitCode() != -1 { // not by a signal
		t.Fatalf("process ended with %v, want a kill: %s", err, stderr)
	}
}

// After each kill every acknowledged commit is there, none is half applied,
// and the file can be used.
func TestKill(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{})
	for i := range killSessions {
		commit(t, s, killKey(i), starting(set("a", append([]byte("0"), bulk...)), set("b", append([]byte("0"), bulk...)),
			session.Op{Kind: session.OpAdd, Name: "n", N: 0}))
	}
	if err := s.Close(); err != nil { // else recovery from the log has an easier life
		t.Fatal(err)
	}

	var acked, inside, unacked int
	var known [killSessions]int64 // what must be stored at least
	for round := range killRounds {
		stopAt := 0
		if round%2 == 0 {
			stopAt = 1 + rand.IntN(30)
		}
		k := killRound(t, path, stopAt, 1+rand.IntN(90))
		for i := range known {
			known[i] = max(known[i], k.acked[i])
		}
		acked += k.count
		if k.inside {
			inside++
		}
		unacked += checkRound(t, path, round, &known)
	}
	if inside < killInside {
		t.Errorf("%d rounds were killed inside a transaction, want at least %d", inside, killInside)
	}
	t.Logf("%d rounds, %d of them killed between BEGIN and COMMIT; %d commits acknowledged, 0 lost, 0 half applied; %d committed without their acknowledgement",
		killRounds, inside, acked, unacked)
}

// checkRound opens the file as a restarted process does and goes on from
// known. It returns how many commits were applied that were not acknowledged.
func checkRound(t *testing.T, path string, round int, known *[killSessions]int64) (unacked int) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	defer s.Close()
	for i := range known {
		n, err := agreed(load(t, s, killKey(i)))
		if err != nil {
			t.Fatalf("round %d, session %d: %v", round, i, err)
		}
		// One commit per session can be between COMMIT and its line.
		if n < known[i] || n > known[i]+1 {
			t.Fatalf("round %d, session %d: %d is stored, %d was acknowledged", round, i, n, known[i])
		}
		unacked += int(n - known[i])
		n++
		next := append(strconv.AppendInt(nil, n, 10), bulk...)
		commit(t, s, killKey(i), change(set("a", next), set("b", next), session.Op{Kind: session.OpAdd, Name: "n", N: 1}))
		known[i] = n
	}
	if err := integrity(path); err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	return unacked
}

// integrity has SQLite check the whole file.
func integrity(path string) error {
	c, err := dial(path)
	if err != nil {
		return err
	}
	defer c.close()
	var dest [1]driver.Value
	if _, err := c.row("PRAGMA integrity_check", dest[:]); err != nil {
		return err
	}
	if verdict, _ := dest[0].(string); !strings.EqualFold(verdict, "ok") {
		return fmt.Errorf("integrity check: %s", verdict)
	}
	return nil
}

package sqlitestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// clock is one that tests move.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(1764000000000)
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMilli(c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(d.Milliseconds()) }

// change and starting are made by the machine's clock.
func (c *clock) change(change session.Change) session.Change {
	change.NotAfter = c.Now().Add(time.Minute)
	return change
}

func TestTwoStoresOnOneFile(t *testing.T) {
	const workers, commits = 4, 100
	path := private(t)
	stores := []*Store{open(t, path, Options{}), open(t, path, Options{})}
	commit(t, stores[0], "shared", starting())
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			s, other := stores[w%2], stores[(w+1)%2]
			for i := range commits {
				name, value := fmt.Sprintf("worker-%d", w), strconv.Itoa(i)
				_, err := s.Commit(t.Context(), "shared", change(
					set(name, []byte(value)), session.Op{Kind: session.OpAdd, Name: "n", N: 1}))
				if err != nil {
					t.Errorf("commit: %v", err)
					return
				}
				rec, err := other.Load(t.Context(), "shared", byVerifier)
				if err != nil || string(rec.Attributes[name]) != value {
					t.Errorf("the other store reads %v, %v after commit %s", rec, err, value)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := string(load(t, stores[1], "shared").Attributes["n"]); got != strconv.Itoa(workers*commits) {
		t.Errorf("counter is %s, want %d", got, workers*commits)
	}
}

func TestRestart(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{})
	commit(t, s, "k", starting(set("cart", []byte("3 apples"))))
	before := load(t, s, "k")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	after := load(t, open(t, path, Options{}), "k")
	if after.Version != before.Version || string(after.Attributes["cart"]) != "3 apples" || after.Size != before.Size {
		t.Errorf("got %+v, want %+v", after, before)
	}
}

// lock holds the file's write lock as another process would.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	c, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
}

func TestLockedFile(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{BusyTimeout: 20 * time.Millisecond})
	commit(t, s, "k", starting())
	load(t, s, "k")
	release := lock(t, path)
	if _, err := s.Commit(t.Context(), "k", change()); !errors.Is(err, ErrBusy) {
		t.Errorf("commit: got error %v, want ErrBusy", err)
	}
	load(t, s, "k") // loads do not wait for writers
	release()
	commit(t, s, "k", change())
}

// waitFor polls until the condition holds.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		tick := time.NewTimer(time.Millisecond)
		<-tick.C
	}
}

// stall makes the writer wait inside a transaction until the test lets it go.
func stall(t *testing.T, opt Options) (s *Store, entered <-chan struct{}, proceed func()) {
	t.Helper()
	in, out := make(chan struct{}, 100), make(chan struct{})
	opt.hooks.wrote = func() {
		in <- struct{}{}
		<-out
	}
	s = open(t, private(t), opt)
	proceed = sync.OnceFunc(func() { close(out) })
	t.Cleanup(proceed)
	return s, in, proceed
}

func TestFullQueueRefuses(t *testing.T) {
	s, entered, proceed := stall(t, Options{Queue: 1})
	errs := make(chan error, 2)
	go func() {
		_, err := s.Commit(t.Context(), "first", starting())
		errs <- err
	}()
	<-entered
	go func() {
		_, err := s.Commit(t.Context(), "second", starting())
		errs <- err
	}()
	waitFor(t, "a job in the queue", func() bool { return s.Stats().Waiting == 1 })
	if _, err := s.Commit(t.Context(), "third", starting()); !errors.Is(err, ErrQueueFull) {
		t.Errorf("got error %v, want ErrQueueFull", err)
	}
	proceed()
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Load(t.Context(), "third", byVerifier); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the refused write: got error %v, want ErrNotFound", err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	s, entered, proceed := stall(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	go func() {
		_, err := s.Commit(ctx, "applied", starting())
		errs <- err
	}()
	<-entered
	buffer := []byte("as it was")
	go func() {
		_, err := s.Commit(ctx, "waiting", starting(set("a", buffer)))
		errs <- err
	}()
	waitFor(t, "a job in the queue", func() bool { return s.Stats().Waiting == 1 })
	cancel()
	for range 2 {
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want Canceled", err)
		}
	}
	copy(buffer, "scribbled") // the caller's own again
	proceed()
	commit(t, s, "later", starting()) // behind both in the queue
	load(t, s, "applied")
	if _, err := s.Load(t.Context(), "waiting", byVerifier); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the write that still waited: got error %v, want ErrNotFound", err)
	}
	if _, err := s.Commit(ctx, "k", starting()); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: got error %v, want Canceled", err)
	}
	if _, err := s.Load(ctx, "applied", byVerifier); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: got error %v, want Canceled", err)
	}
}

// A write that waits for the file's lock is judged by the time when it gets
// it.
func TestLateAfterTheLock(t *testing.T) {
	now := newClock()
	path := private(t)
	s := open(t, path, Options{Now: now.Now, BusyTimeout: time.Minute})
	release := lock(t, path)
	errs := make(chan error)
	go func() {
		_, err := s.Commit(t.Context(), "k", now.change(starting()))
		errs <- err
	}()
	waitFor(t, "the writer to take the job", func() bool { return s.writer.begun() && s.Stats().Waiting == 0 })
	now.advance(time.Minute)
	release()
	err := <-errs
	if late, ok := errors.AsType[session.ErrLate](err); !ok || !late.Now.Equal(now.Now()) {
		t.Errorf("got error %v, want ErrLate at %v", err, now.Now())
	}
}

// begun tells whether the goroutine was started.
func (w *writer) begun() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.started
}

// One job's error must not touch the others of its batch.
func TestBatchIsolatesJobs(t *testing.T) {
	s, entered, proceed := stall(t, Options{})
	go func() { _, _ = s.Commit(t.Context(), "stalls", starting()) }()
	<-entered
	var wg sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		wg.Go(func() {
			c := starting(set("a", []byte("1")))
			if i%4 == 0 {
				c.Start = nil // there is none
			}
			_, errs[i] = s.Commit(t.Context(), killKey(i), c)
		})
	}
	waitFor(t, "a full batch", func() bool { return s.Stats().Waiting == len(errs) })
	before := s.Stats()
	proceed()
	wg.Wait()
	for i, err := range errs {
		if refused := i%4 == 0; refused != errors.Is(err, session.ErrNotFound) || !refused && err != nil {
			t.Errorf("job %d: got error %v", i, err)
		}
	}
	if n := s.Stats().Transactions - before.Transactions; n != 2 { // the one that stalls and the batch
		t.Errorf("%d transactions, want 2", n)
	}
}

func TestDamagedRecordIsNotAbsent(t *testing.T) {
	path := private(t)
	s := open(t, path, Options{})
	for _, key := range []session.Key{"damaged", "sound"} {
		commit(t, s, key, starting(set("a", []byte("value"))))
		load(t, s, key)
	}
	err := rewrite(path, "damaged", func(stored []byte) []byte {
		return bytes.Replace(stored, []byte("value"), []byte("VALUE"), 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), "damaged", byVerifier); !errors.Is(err, ErrCorrupt) {
		t.Errorf("load: got error %v, want ErrCorrupt", err)
	}
	for _, c := range []session.Change{change(), starting()} {
		if _, err := s.Commit(t.Context(), "damaged", c); !errors.Is(err, ErrCorrupt) {
			t.Errorf("commit: got error %v, want ErrCorrupt", err)
		}
	}
	commit(t, s, "sound", change())
	load(t, s, "sound")
}

func TestSweep(t *testing.T) {
	now := newClock()
	s := open(t, private(t), Options{Now: now.Now})
	const expired = maxSweep + 5
	for i := range expired {
		commit(t, s, killKey(i), now.change(starting()))
	}
	rows := func() int64 {
		c, err := s.reader.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.reader.put(c, false)
		n, err := c.integer("SELECT count(*) FROM session")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	now.advance(session.UnconfirmedLife)
	if _, err := s.Load(t.Context(), killKey(0), byVerifier); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("expired: got error %v, want ErrNotFound", err)
	}
	now.advance(time.Minute) // due is in whole minutes
	commit(t, s, "fresh 1", now.change(starting()))
	if got, want := rows(), int64(expired-maxSweep+1); got != want {
		t.Errorf("%d rows after one transaction, want %d", got, want)
	}
	commit(t, s, "fresh 2", now.change(starting()))
	if got := rows(); got != 2 {
		t.Errorf("%d rows after two transactions, want the fresh ones", got)
	}
	if got := s.Stats().Swept; got != expired {
		t.Errorf("%d swept, want %d", got, expired)
	}
}

// A session that lives on must not be swept by the time it first had.
func TestSweepFollowsTheRecord(t *testing.T) {
	now := newClock()
	s := open(t, private(t), Options{Now: now.Now})
	commit(t, s, "k", now.change(starting()))
	load(t, s, "k") // confirms it: an hour instead of two minutes
	now.advance(50 * time.Minute)
	commit(t, s, "k", now.change(change()))
	now.advance(50 * time.Minute)
	commit(t, s, "other", now.change(starting()))
	load(t, s, "k")
	if got := s.Stats().Swept; got != 0 {
		t.Errorf("%d swept, want none", got)
	}
}

func TestClose(t *testing.T) {
	path := private(t)
	for _, used := range []bool{false, true} {
		s := open(t, path, Options{})
		if used {
			commit(t, s, "k", starting())
			load(t, s, "k")
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if _, err := s.Commit(t.Context(), "k", change()); !errors.Is(err, ErrClosed) {
			t.Errorf("commit: got error %v, want ErrClosed", err)
		}
		if _, err := s.Load(t.Context(), "k", byVerifier); !errors.Is(err, ErrClosed) {
			t.Errorf("load: got error %v, want ErrClosed", err)
		}
	}
}

// In a bubble, a goroutine that outlives the test's function is an error.
func TestGoroutines(t *testing.T) {
	path := private(t)
	synctest.Test(t, func(t *testing.T) {
		if _, err := Open(path, Options{}); err != nil { // not closed: nothing to stop
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		commit(t, s, "k", starting())
		load(t, s, "k")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Close completes what was accepted.
func TestCloseFinishesTheQueue(t *testing.T) {
	s, entered, proceed := stall(t, Options{})
	errs := make(chan error, 11)
	write := func(i int) {
		_, err := s.Commit(t.Context(), killKey(i), starting())
		errs <- err
	}
	go write(0)
	<-entered
	for i := 1; i < cap(errs); i++ {
		go write(i)
	}
	waitFor(t, "the others in the queue", func() bool { return s.Stats().Waiting == cap(errs)-1 })
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	proceed()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	again := open(t, s.path, Options{})
	for i := range cap(errs) {
		load(t, again, killKey(i))
	}
}

package durable

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
)

// A master that is demoted and promoted again answers on the same connections,
// and its replicas acknowledge what it has. Only the term shows that it may
// have lost something meanwhile; and here it has.
func TestACommitThatTheSameServerLostAsAReplicaIsNotVouchedFor(t *testing.T) {
	for name, c := range map[string]struct {
		late  bool
		false bool
	}{
		"control":                         {late: false, false: false},
		"planted: token after the commit": {late: true, false: true},
	} {
		t.Run(name, func(t *testing.T) {
			master := redistest.Start(t)
			proxy := redistest.StartProxy(t, master.Addr)
			host, port, _ := net.SplitHostPort(proxy.Addr)
			replica := redistest.StartReplica(t, master, "--replicaof", host, port)
			w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: 2 * time.Second})
			if acked, _ := w.durably(t, key, "kept"); acked != 1 {
				t.Fatalf("%d acknowledged", acked)
			}

			token := w.Before(t.Context(), key)
			proxy.BlackHole()
			w.commit(t, key, "lost")
			do(t, replica, "REPLICAOF", "NO", "ONE")
			demote(t, master, replica)
			do(t, master, "REPLICAOF", "NO", "ONE")
			demote(t, replica, master)
			if got := value(t, master, key); got != "kept" {
				t.Fatalf("the master has %q, so nothing was lost", got)
			}
			if c.late {
				token.term.Forget()
				token = w.Before(t.Context(), key)
			}
			acked, err := w.Wait(t.Context(), key, token)
			if err != nil || acked > 0 != c.false {
				t.Errorf("a lost commit: %d, %v, %+v", acked, err, w.Stats())
			}
			if acked, err := w.durably(t, key, "new"); acked != 1 || err != nil {
				t.Errorf("the next: %d, %v", acked, err)
			}
		})
	}
}

// demote makes one server the replica of another and waits until it is counted.
func demote(t *testing.T, s, master *redistest.Server) {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.Addr)
	do(t, s, "REPLICAOF", host, port)
	eventually(t, "in sync", func() error {
		info, err := s.Info("replication")
		if err != nil {
			return err
		}
		return unless(info["role"] == "slave" && info["master_link_status"] == "up", fmt.Sprint(info))
	})
	eventually(t, "counted", func() error {
		info, err := master.Info("replication")
		if err != nil {
			return err
		}
		return unless(strings.Contains(info["slave0"], "state=online"), fmt.Sprint(info))
	})
}

func TestARoundDoesNotVouchForACommitOfAnotherMaster(t *testing.T) {
	first, _ := masterAndReplicas(t, 1)
	second, _ := masterAndReplicas(t, 1)
	a := start(t, "redis://"+first.Addr, Options{Replicas: 1, Timeout: time.Second})
	b := start(t, "redis://"+second.Addr, Options{Replicas: 1, Timeout: time.Second})
	token := a.Before(t.Context(), key)
	a.commit(t, key, "1")
	acked, err := b.Wait(t.Context(), key, token)
	b.wantUnknown(t, acked, err)
	if got := b.Stats().Rounds; got != 1 {
		t.Errorf("%d rounds, so it was not the round that found out", got)
	}
}

func TestAFirstReplicaBeginsATermWithoutLosingAnything(t *testing.T) {
	master := redistest.Start(t)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: 50 * time.Millisecond})
	if acked, err := w.durably(t, key, "1"); acked != 0 || err != nil {
		t.Fatalf("without a replica: %d, %v", acked, err)
	}
	redistest.StartReplica(t, master)
	eventually(t, "acknowledged", func() error {
		acked, err := w.durably(t, key, "2")
		return unless(acked == 1 && err == nil, fmt.Sprint(acked, err))
	})
}

func TestALostConnectionOfCommitsVouchesForNothing(t *testing.T) {
	master, _ := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: 2 * time.Second})
	token := w.Before(t.Context(), key)
	w.commit(t, key, "1")
	do(t, master, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	eventually(t, "the loss is seen", func() error {
		return unless(!token.term.Holds(), "it holds")
	})
	acked, err := w.Wait(t.Context(), key, token)
	w.wantUnknown(t, acked, err)
	eventually(t, "acknowledged", func() error {
		token := w.Before(t.Context(), key)
		if err := w.try(t.Context(), key, "2"); err != nil {
			return err
		}
		acked, err := w.Wait(t.Context(), key, token)
		return unless(acked == 1 && err == nil, fmt.Sprint(acked, err))
	})
}

// kill ends the connection of rounds alone, whose last command is that one.
func kill(t *testing.T, s *redistest.Server, last string) {
	t.Helper()
	eventually(t, "the connection of rounds is found", func() error {
		clients, _ := do(t, s, "CLIENT", "LIST", "TYPE", "normal").(string)
		for line := range strings.Lines(clients) {
			if !strings.Contains(line, " cmd="+last+" ") {
				continue
			}
			id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
			do(t, s, "CLIENT", "KILL", "ID", id)
			return nil
		}
		return errors.New(clients)
	})
}

func TestALostConnectionOfRoundsIsMadeAnew(t *testing.T) {
	master, replicas := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: patience})
	if acked, _ := w.durably(t, key, "1"); acked != 1 {
		t.Fatalf("%d acknowledged", acked)
	}
	kill(t, master, "info")
	if acked, err := w.durably(t, key, "2"); acked != 1 || err != nil {
		t.Errorf("lost while nobody waited: %d, %v", acked, err)
	}

	replicas[0].Stop()
	token := w.Before(t.Context(), key)
	w.commit(t, key, "3")
	answered := make(chan int)
	go func() {
		acked, _ := w.Wait(t.Context(), key, token)
		answered <- acked
	}()
	kill(t, master, "wait")
	replicas[0].Cont()
	if acked := <-answered; acked != 1 {
		t.Errorf("lost while somebody waited: %d acknowledged", acked)
	}
	if got := w.Stats(); got.Degraded != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestACommitIsUnknownOnceItsServerIsGone(t *testing.T) {
	master, _ := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: 200 * time.Millisecond})
	token := w.Before(t.Context(), key)
	w.commit(t, key, "1")
	master.Kill()
	acked, err := w.Wait(t.Context(), key, token)
	w.wantUnknown(t, acked, err)
	acked, err = w.Wait(t.Context(), key, w.Before(t.Context(), key))
	w.wantUnknown(t, acked, err)
}

func TestWhoGivesUpIsToldNothing(t *testing.T) {
	master, replicas := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: patience})
	token := w.Before(t.Context(), key)
	w.commit(t, key, "1")
	replicas[0].Stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	acked, err := w.Wait(ctx, key, token)
	w.wantUnknown(t, acked, err)
	replicas[0].Cont()
	acked, err = w.Wait(t.Context(), "no tag", token)
	w.wantUnknown(t, acked, err)
	acked, err = w.Wait(t.Context(), key, Token{})
	w.wantUnknown(t, acked, err)
}

func TestCloseAnswersThoseWhoWait(t *testing.T) {
	master, replicas := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: 500 * time.Millisecond})
	token := w.Before(t.Context(), key)
	w.commit(t, key, "1")
	replicas[0].Stop()
	const waiters = 8
	answers := make(chan int)
	for range waiters {
		go func() {
			acked, _ := w.Wait(t.Context(), key, token)
			answers <- acked
		}()
	}
	eventually(t, "a round", func() error { return unless(w.Stats().Rounds > 0, "none") })
	w.Close()
	w.Close()
	for range waiters {
		if acked := <-answers; acked != 0 {
			t.Errorf("%d acknowledged", acked)
		}
	}
	acked, err := w.Wait(t.Context(), key, token)
	if acked != 0 || err != nil || w.Stats().Degraded != waiters+1 {
		t.Errorf("after Close: %d, %v, %+v", acked, err, w.Stats())
	}
	noServing(t, w)
}

func TestNoGoroutineIsLeftWhenNobodyWaits(t *testing.T) {
	master, _ := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1})
	w.durably(t, key, "1")
	noServing(t, w)
}

func noServing(t *testing.T, w *world) {
	t.Helper()
	eventually(t, "the goroutine ends", func() error {
		w.Group.mu.Lock()
		defer w.Group.mu.Unlock()
		return unless(len(w.queues) == 0, "it serves")
	})
}

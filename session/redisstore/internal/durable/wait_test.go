package durable

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
	"github.com/redis/rueidis"
)

func TestAnAcknowledgedCommitIsOnAllReplicas(t *testing.T) {
	master, replicas := masterAndReplicas(t, 2)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 2, Timeout: patience, Strict: true})
	for i := range 50 {
		want := fmt.Sprint(i)
		acked, err := w.durably(t, key, want)
		if acked != 2 || err != nil {
			t.Fatalf("commit %d: %d, %v", i, acked, err)
		}
		for _, r := range replicas {
			if got := value(t, r, key); got != want {
				t.Fatalf("commit %d was acknowledged, but %s has %q", i, r.Addr, got)
			}
		}
	}
	if got, want := w.Stats(), (Stats{Acknowledged: 50, Rounds: 50}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	if events := w.told(); len(events) != 0 {
		t.Errorf("events %v", events)
	}
	if ttl := do(t, master, "PTTL", "{ek:test:000}w").(int64); ttl <= 0 || ttl > mark.Milliseconds() {
		t.Errorf("the key of the rounds expires in %d ms", ttl)
	}
}

func TestAStoppedReplicaDegradesWithinTheTimeout(t *testing.T) {
	master, replicas := masterAndReplicas(t, 2)
	const limit = 500 * time.Millisecond
	w := start(t, "redis://"+master.Addr, Options{Replicas: 2, Timeout: limit})
	strict, err := New(w.link, Options{Replicas: 2, Timeout: limit, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer strict.Close()
	replicas[0].Stop()

	token := w.Before(t.Context(), key)
	w.commit(t, key, "1")
	begun := time.Now()
	acked, err := w.Wait(t.Context(), key, token)
	if acked != 1 || err != nil {
		t.Errorf("got %d, %v, want that one has it", acked, err)
	}
	if took := time.Since(begun); took > limit+5*time.Second { // this machine may be busy
		t.Errorf("it took %v", took)
	}
	if got, want := w.Stats(), (Stats{Degraded: 1, Rounds: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	events := w.told()
	if len(events) != 1 || events[0].Kind != Degraded || events[0].Node != master.Addr || events[0].Count != 1 ||
		!strings.Contains(events[0].Text, "1 of 2 replicas") {
		t.Errorf("events %+v", events)
	}

	acked, err = strict.Wait(t.Context(), key, token)
	if e, ok := errors.AsType[*Error](err); !ok || acked != 1 || e.Acked != 1 || e.Asked != 2 || e.Cause != nil {
		t.Errorf("strict: %d, %v", acked, err)
	}
	replicas[0].Cont()
	eventually(t, "acknowledged again", func() error {
		acked, err := w.durably(t, key, "2")
		return unless(acked == 2 && err == nil, fmt.Sprint(acked, err))
	})
}

// Rounds that ask for the wrong offset are what the whole package is about, so
// it is shown that the case above would find them.
func TestARoundWithoutItsOwnWriteWouldVouchForWhatNobodyHas(t *testing.T) {
	noWrite := func(b rueidis.Builder, g *Group, batch []*waiter) []rueidis.Completed {
		return writeAndWait(b, g, batch)[1:]
	}
	for name, c := range map[string]struct {
		plan  plan
		false bool
	}{
		"control":           {writeAndWait, false},
		"planted: no write": {noWrite, true},
	} {
		t.Run(name, func(t *testing.T) {
			master, replicas := masterAndReplicas(t, 1)
			w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: 300 * time.Millisecond})
			w.plan = c.plan
			// The fault could be right by chance: servers take the offset after
			// whatever that connection has sent last, so not on a new one, nor
			// while the replica has to acknowledge the round before.
			if acked, err := w.durably(t, key, "1"); acked != 1 || err != nil {
				t.Fatalf("before: %d, %v", acked, err)
			}
			eventually(t, "the replica has acknowledged all", func() error {
				info, err := master.Info("replication")
				if err != nil {
					return err
				}
				return unless(strings.Contains(info["slave0"], ",offset="+info["master_repl_offset"]+","), fmt.Sprint(info))
			})
			replicas[0].Stop()
			acked, err := w.durably(t, key, "2")
			if err != nil {
				t.Fatal(err)
			}
			if acked > 0 != c.false {
				t.Errorf("the replica stands still: %d acknowledged, %+v", acked, w.Stats())
			}
		})
	}
}

func TestThoseWhoComeDuringARoundShareTheNext(t *testing.T) {
	master, replicas := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: patience})
	replicas[0].Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	one := func(i int) {
		k := fmt.Sprintf("{ek:test:%03x}s:k", i)
		token := w.Before(t.Context(), k)
		if err := w.try(t.Context(), k, "1"); err != nil {
			t.Error(err)
			return
		}
		if acked, err := w.Wait(t.Context(), k, token); acked != 1 || err != nil {
			t.Errorf("waiter %d: %d, %v", i, acked, err)
		}
	}
	wg.Go(func() { one(0) })
	eventually(t, "a round", func() error {
		return unless(w.Stats().Rounds == 1 && w.waiting() == 0, fmt.Sprintf("%+v", w.Stats()))
	})
	const more = 63
	for i := range more {
		wg.Go(func() { one(i + 1) })
	}
	eventually(t, "all wait", func() error { return unless(w.waiting() == more, fmt.Sprint(w.waiting())) })
	replicas[0].Cont()
	wg.Wait()
	if got, want := w.Stats(), (Stats{Acknowledged: 1 + more, Rounds: 2}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestABusyGroupDoesFarFewerRoundsThanCommits(t *testing.T) {
	master, _ := masterAndReplicas(t, 1)
	w := start(t, "redis://"+master.Addr, Options{Replicas: 1, Timeout: patience})
	const writers, each = 64, 20
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			k := fmt.Sprintf("{ek:test:%03x}s:k", i)
			for range each {
				token := w.Before(t.Context(), k)
				if err := w.try(t.Context(), k, "1"); err != nil {
					t.Error(err)
					return
				}
				if acked, err := w.Wait(t.Context(), k, token); acked != 1 || err != nil {
					t.Errorf("waiter %d: %d, %v", i, acked, err)
				}
			}
		})
	}
	wg.Wait()
	s := w.Stats()
	if s.Acknowledged != writers*each || s.Rounds*4 > s.Acknowledged {
		t.Errorf("stats %+v", s)
	}
	t.Logf("%d commits, %d rounds", s.Acknowledged, s.Rounds)
}

func TestNobodyIsAskedWhileItIsOff(t *testing.T) {
	l, err := link.New("redis://127.0.0.1:1", link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g, err := New(l, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	acked, err := g.Wait(t.Context(), key, g.Before(t.Context(), key))
	if acked != 0 || err != nil || g.Stats() != (Stats{}) || l.Stats().Calls != 0 {
		t.Errorf("got %d, %v, %+v, %+v", acked, err, g.Stats(), l.Stats())
	}
}

func TestOptionsThatMeanNothingAreRefused(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		word string
	}{
		{Options{Replicas: -1}, "Replicas"},
		{Options{Replicas: 1, Timeout: -1}, "Timeout"},
		{Options{Replicas: 1, Timeout: time.Millisecond}, "Timeout"},
		{Options{Strict: true}, "Strict"},
	} {
		if _, err := New(nil, c.opt); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%+v: %v", c.opt, err)
		}
	}
}

func TestTheKeyOfARoundIsInTheSlotOfTheFirstCommit(t *testing.T) {
	for key, want := range map[string]string{
		"{ek:shop:3ff}s:abc": "{ek:shop:3ff}w", "{ek:shop:u:x}i": "{ek:shop:u:x}w", "a{b}c{d}": "a{b}w",
		"": "", "plain": "", "{}x": "", "{open": "", "}{": "",
	} {
		if got := beside(key); got != want {
			t.Errorf("beside %q is %q, want %q", key, got, want)
		}
	}
}

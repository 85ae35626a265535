package durable

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
)

func sentinelURL(f *redistest.Failover) string {
	return "redis-sentinel://" + strings.Join(f.SentinelAddrs(), ",") + "/" + f.Name
}

// promoted waits until the client has followed the Sentinels.
func (w *world) promoted(t *testing.T, addr string) {
	t.Helper()
	eventually(t, "the client follows", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		term, err := w.link.Term(ctx, key)
		if err != nil {
			return err
		}
		return unless(term.Node() == addr, term.Node())
	})
}

func TestACommitIsNotVouchedForByThePromotedReplicaThatLacksIt(t *testing.T) {
	f := redistest.StartFailover(t, 2)
	w := start(t, sentinelURL(f), Options{Replicas: 1, Timeout: time.Second})
	if acked, err := w.durably(t, key, "kept"); acked == 0 || err != nil {
		t.Fatalf("before: %d, %v", acked, err)
	}
	token := w.Before(t.Context(), key)
	f.Partition()
	w.commit(t, key, "lost")
	now := f.WaitMaster(t)
	w.promoted(t, now)
	acked, err := w.Wait(t.Context(), key, token)
	if acked != 0 || err != nil {
		t.Errorf("got %d, %v", acked, err)
	}
	// Nor does the round by itself, which is the second that looks.
	late := w.Before(t.Context(), key)
	eventually(t, "a round", func() error {
		results, err := w.round(t.Context(), []*waiter{{key: key, term: token.term}, {key: key, term: late.term}})
		switch {
		case results == nil:
			return err
		case results[0].err == nil || results[0].acked != 0:
			t.Errorf("the round says %+v of the lost commit", results[0])
		case results[1].err != nil || results[1].acked == 0:
			return fmt.Errorf("planted: a token from after the commit should find somebody to vouch: %+v", results[1])
		}
		return nil
	})
	if got := value(t, f.Server(now), key); got != "kept" {
		t.Fatalf("control: the new master has %q, so nothing was lost", got)
	}
	eventually(t, "acknowledged", func() error {
		acked, err := w.durably(t, key, "new")
		return unless(acked > 0 && err == nil, fmt.Sprint(acked, err))
	})
}

// What was acknowledged by all replicas is there after a failover. The control
// is what was degraded: of that something must be missing.
func TestAcknowledgedCommitsSurviveAPartitionOfTheMaster(t *testing.T) {
	f := redistest.StartFailover(t, 2)
	w := start(t, sentinelURL(f), Options{Replicas: 2, Timeout: 50 * time.Millisecond})
	if acked, err := w.durably(t, key, "first"); acked != 2 || err != nil {
		t.Fatalf("before: %d, %v", acked, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	const writers = 16
	var kept, degraded [writers][]string
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				k := fmt.Sprintf("{ek:test:%03x}s:%d", i, n)
				token := w.Before(ctx, k)
				if w.try(ctx, k, "v") != nil {
					continue
				}
				if acked, _ := w.Wait(ctx, k, token); acked == 2 {
					kept[i] = append(kept[i], k)
				} else {
					degraded[i] = append(degraded[i], k)
				}
			}
		})
	}
	eventually(t, "commits", func() error { return unless(w.Stats().Acknowledged > 200, "too few") })
	f.Partition()
	now := f.WaitMaster(t)
	w.promoted(t, now)
	stop()
	wg.Wait()

	c, err := f.Server(now).Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	missing := func(lists [writers][]string) (all, missing int) {
		for _, keys := range lists {
			for _, k := range keys {
				all++
				if n, err := c.Do("EXISTS", k); err != nil {
					t.Fatal(err)
				} else if n == int64(0) {
					missing++
				}
			}
		}
		return all, missing
	}
	all, lost := missing(kept)
	if lost > 0 {
		t.Errorf("%d of %d acknowledged commits are lost", lost, all)
	}
	others, gone := missing(degraded)
	if gone == 0 {
		t.Errorf("control: none of %d degraded commits is lost", others)
	}
	t.Logf("%d acknowledged; %d degraded, of which %d are lost; %+v", all, others, gone, w.Stats())
}

package durable

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/redis/rueidis"
)

// In a Cluster the connection and the term can be right, and the commit have
// gone elsewhere all the same: by a redirect of its slot, while another slot is
// what the round writes to.
func TestACommitThatWasRedirectedIsNotVouchedForByItsOldNode(t *testing.T) {
	c := redistest.StartReplicatedCluster(t, 2, 1)
	for name, p := range map[string]struct {
		plan  plan
		false bool
	}{
		"control":                   {writeAndWait, false},
		"planted: keys unlooked at": {writeOnly, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, "redis-cluster://"+strings.Join(c.Addrs(), ","), Options{Replicas: 1, Timeout: 2 * time.Second})
			w.plan = p.plan
			stays, moves := keysOf(t, c, c.Nodes[0])
			for _, k := range []string{stays, moves} {
				if acked, err := w.durably(t, k, "1"); acked != 1 || err != nil {
					t.Fatalf("before: %d, %v", acked, err)
				}
			}
			batch := []*waiter{w.waiter(t, stays), w.waiter(t, moves)}
			slot, err := c.Slot(moves)
			if err != nil {
				t.Fatal(err)
			}
			c.MoveSlot(t, slot, c.Nodes[0], c.Nodes[1])
			w.commit(t, stays, "2")
			w.commit(t, moves, "2")
			w.check(t, batch, p.false)
			c.MoveSlot(t, slot, c.Nodes[1], c.Nodes[0])
		})
	}
}

// While a slot moves, its node still takes writes to the keys that it has, such
// as that of the rounds, but sends those to new keys to the other.
func TestACommitToASlotThatMovesIsNotVouchedForByItsOldNode(t *testing.T) {
	c := redistest.StartReplicatedCluster(t, 2, 1)
	w := start(t, "redis-cluster://"+strings.Join(c.Addrs(), ","), Options{Replicas: 1, Timeout: 2 * time.Second})
	old, _ := keysOf(t, c, c.Nodes[0])
	fresh := old + "fresh" // the same slot
	if acked, err := w.durably(t, old, "1"); acked != 1 || err != nil {
		t.Fatalf("before: %d, %v", acked, err)
	}
	slot, err := c.Slot(old)
	if err != nil {
		t.Fatal(err)
	}
	source, target := do(t, c.Nodes[0], "CLUSTER", "MYID").(string), do(t, c.Nodes[1], "CLUSTER", "MYID").(string)
	do(t, c.Nodes[1], "CLUSTER", "SETSLOT", strconv.Itoa(slot), "IMPORTING", source)
	do(t, c.Nodes[0], "CLUSTER", "SETSLOT", strconv.Itoa(slot), "MIGRATING", target)
	batch := []*waiter{w.waiter(t, old), w.waiter(t, fresh)}
	w.commit(t, old, "2")
	w.commit(t, fresh, "2")
	w.check(t, batch, false)
	w.plan = writeOnly
	w.check(t, batch, true)
}

// writeOnly is the plan without a look at the keys.
func writeOnly(b rueidis.Builder, g *Group, batch []*waiter) []rueidis.Completed {
	return writeAndWait(b, g, batch)[len(batch):]
}

// waiter is one as Wait makes it, before its commit.
func (w *world) waiter(t *testing.T, key string) *waiter {
	t.Helper()
	token := w.Before(t.Context(), key)
	if token.err != nil {
		t.Fatal(token.err)
	}
	return &waiter{key: key, term: token.term, done: make(chan result, 1)}
}

// check has a round vouch for the first of a batch, and for the second only if
// the fault is planted.
func (w *world) check(t *testing.T, batch []*waiter, vouched bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	results, err := w.round(ctx, batch)
	if results == nil {
		t.Fatal(err)
	}
	if r := results[0]; r.err != nil || r.acked != 1 {
		t.Errorf("the key that stays: %+v", r)
	}
	if r := results[1]; (r.err == nil) != vouched || vouched != (r.acked == 1) {
		t.Errorf("the key that is elsewhere: %+v", r)
	}
}

// keysOf are two keys of one node, in different slots.
func keysOf(t *testing.T, c *redistest.Cluster, node *redistest.Server) (a, b string) {
	t.Helper()
	for i := range 1024 {
		k := fmt.Sprintf("{ek:test:%03x}s:k", i)
		slot, err := c.Slot(k)
		if err != nil {
			t.Fatal(err)
		}
		owner, err := c.Owner(slot)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case owner.Addr != node.Addr:
		case a == "":
			a = k
		default:
			return a, k
		}
	}
	t.Fatal("a node has no two of the shards")
	return "", ""
}

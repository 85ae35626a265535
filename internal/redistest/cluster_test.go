package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// set writes a key where it belongs, following redirections from s, and returns
// the node that took it.
func (c *Cluster) set(t *testing.T, s *Server, key, value string) *Server {
	t.Helper()
	seen := []string{}
	asking := false
	for range 100 {
		conn, err := s.Dial()
		if err != nil {
			t.Fatal(err)
		}
		if asking {
			_, err = conn.Do("ASKING")
		}
		if err == nil {
			_, err = conn.Do("SET", key, value)
		}
		conn.Close()
		if err == nil {
			return s
		}
		f := strings.Fields(err.Error())
		seen = append(seen, s.Addr+": "+err.Error())
		if len(f) != 3 || f[0] != "MOVED" && f[0] != "ASK" {
			t.Fatal(err)
		}
		asking = f[0] == "ASK"
		for _, n := range c.Nodes {
			if n.Addr == f[2] {
				s = n
			}
		}
	}
	t.Fatalf("redirected without end: %q", seen)
	return nil
}

func TestAClusterDealsAndMovesSlots(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, 3)
	key := "{shop}s"
	slot, err := c.Slot(key)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := c.Owner(slot)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range c.Nodes {
		if got := c.set(t, s, key, strconv.Itoa(i)); got != owner {
			t.Fatalf("%s took the key, %s owns it", got.Addr, owner.Addr)
		}
	}
	for i := range 25 { // more than one MIGRATE
		c.set(t, owner, "{shop}"+strconv.Itoa(i), "v")
	}
	to := c.next(owner)
	c.MoveSlot(t, slot, owner, to)
	if _, err := owner.Do("GET", key); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("MOVED %d %s", slot, to.Addr)) {
		t.Fatalf("the old owner says %v", err)
	}
	if got := do(t, to, "GET", key); got != "2" {
		t.Fatalf("the new owner has %v", got)
	}
	if n := do(t, to, "CLUSTER", "COUNTKEYSINSLOT", strconv.Itoa(slot)); n != int64(26) {
		t.Fatalf("%v keys arrived, want 26", n)
	}
	if err := c.Move(slot, owner, to); err == nil {
		t.Fatal("a slot was moved by one who does not own it")
	}
}

func TestShuffleMovesSlotsUnderWritesAndLosesNone(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, 2, "--requirepass", "secret")
	var slots []int
	var keys []string
	for i := range 8 {
		key := fmt.Sprintf("{%d}k", i)
		slot, err := c.Slot(key)
		if err != nil {
			t.Fatal(err)
		}
		keys, slots = append(keys, key), append(slots, slot)
		c.set(t, c.Nodes[0], key, "0")
	}
	ctx, cancel := context.WithCancel(t.Context())
	type result struct {
		moves int
		err   error
	}
	done := make(chan result)
	go func() {
		moves, err := c.Shuffle(ctx, slots)
		done <- result{moves, err}
	}()
	for i := range 20 {
		for _, key := range keys {
			c.set(t, c.Nodes[0], key, strconv.Itoa(i))
		}
	}
	cancel()
	if r := <-done; r.err != nil || r.moves == 0 {
		t.Fatalf("%d moves, %v", r.moves, r.err)
	}
	c.WaitOK(t)
	for i, key := range keys {
		owner, err := c.Owner(slots[i])
		if err != nil {
			t.Fatal(err)
		}
		if got := do(t, owner, "GET", key); got != "19" {
			t.Errorf("%s is %v, want 19", key, got)
		}
	}
}

func TestAReplicaOfAClusterTakesOver(t *testing.T) {
	t.Parallel()
	c := StartReplicatedCluster(t, 3, 1)
	if len(c.Addrs()) != 6 {
		t.Fatalf("%d nodes", len(c.Addrs()))
	}
	if owner, err := c.Owner(0); err != nil || owner != c.Nodes[0] {
		t.Fatalf("control: %v, %v", owner, err)
	}
	c.Nodes[0].Kill()
	c.Nodes[0].Wait(patience)
	await(t, "the replica takes over", func() error {
		owner, err := c.Owner(0)
		if err == nil && owner != c.Nodes[3] {
			err = fmt.Errorf("%s owns slot 0", owner.Addr)
		}
		return err
	})
	c.WaitOK(t)
}

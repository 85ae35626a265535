package redistest

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"
)

// MoveSlot moves a slot and its keys from one master to another, while clients
// use them, and ends the test if it cannot; see [Cluster.Move].
func (c *Cluster) MoveSlot(t testing.TB, slot int, from, to *Server) {
	t.Helper()
	if err := c.Move(slot, from, to); err != nil {
		t.Fatal(err)
	}
}

// Move moves a slot by the documented sequence: IMPORTING on the target,
// MIGRATING on the source, MIGRATE of the keys ten at a time, and NODE on the
// target, on the source and on the other masters. Then all nodes know of it.
// After an error the slot may be open.
func (c *Cluster) Move(slot int, from, to *Server) error {
	if err := c.move(strconv.Itoa(slot), from, to); err != nil {
		return fmt.Errorf("move slot %d from %s to %s: %w", slot, from.Addr, to.Addr, err)
	}
	return nil
}

func (c *Cluster) move(slot string, from, to *Server) error {
	source, err := from.id()
	if err != nil {
		return err
	}
	target, err := to.id()
	if err != nil {
		return err
	}
	if _, err := to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", source); err != nil {
		return err
	}
	if _, err := from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", target); err != nil {
		return err
	}
	if err := moveKeys(slot, from, to); err != nil {
		return err
	}
	if _, err := to.Do("CLUSTER", "SETSLOT", slot, "NODE", target); err != nil {
		return err
	}
	if _, err := from.Do("CLUSTER", "SETSLOT", slot, "NODE", target); err != nil {
		return err
	}
	if err := c.tell(slot, target, from, to); err != nil {
		return err
	}
	return c.settle()
}

// settle waits until all nodes have heard of the newest epoch. A master that
// takes a slot back before it has heard that the other one took it under a new
// epoch takes no newer one itself, gives way to the other's next ping, and
// then each of the two says that the slot is the other's, for good.
func (c *Cluster) settle() error {
	for deadline := time.Now().Add(answer); ; time.Sleep(time.Millisecond) {
		epochs, err := c.epochs()
		if err != nil || len(epochs) <= 1 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nodes do not agree on the epoch: %v", epochs)
		}
	}
}

// epochs are the different ones that nodes that run call the current one.
func (c *Cluster) epochs() (map[string]bool, error) {
	epochs := map[string]bool{}
	for _, s := range c.Nodes {
		if s.exited() {
			continue
		}
		v, err := s.Do("CLUSTER", "INFO")
		if err != nil {
			return nil, err
		}
		epochs[fields(v)["cluster_current_epoch"]] = true
	}
	return epochs, nil
}

// moveKeys moves the keys of a slot until the source holds none.
func moveKeys(slot string, from, to *Server) error {
	for {
		v, err := from.Do("CLUSTER", "GETKEYSINSLOT", slot, "10")
		if err != nil {
			return err
		}
		keys, _ := v.([]any)
		if len(keys) == 0 {
			return nil
		}
		args := []string{"MIGRATE", "127.0.0.1", to.port(), "", "0", "5000"}
		if to.Password != "" {
			args = append(args, "AUTH", to.Password)
		}
		args = append(args, "KEYS")
		for _, k := range keys {
			args = append(args, fmt.Sprint(k))
		}
		if _, err := from.Do(args...); err != nil {
			return err
		}
	}
}

// tell lets the other masters know at once what they would hear by gossip.
func (c *Cluster) tell(slot, owner string, knowing ...*Server) error {
	for _, s := range c.Nodes {
		if s == knowing[0] || s == knowing[1] || s.exited() {
			continue
		}
		info, err := s.Info("replication")
		if err != nil {
			return err
		}
		if info["role"] != "master" {
			continue // replicas refuse, and hear it from their master
		}
		if _, err := s.Do("CLUSTER", "SETSLOT", slot, "NODE", owner); err != nil {
			return err
		}
	}
	return nil
}

// Shuffle moves the slots round and round among the first masters until ctx is
// done, and returns how many moves it made. The move under way is completed,
// so that no slot is left open.
//
//	moved, err := cluster.Shuffle(ctx, slots)
func (c *Cluster) Shuffle(ctx context.Context, slots []int) (moves int, err error) {
	for {
		for _, slot := range slots {
			if ctx.Err() != nil {
				return moves, nil
			}
			from, err := c.Owner(slot)
			if err != nil {
				return moves, err
			}
			if err := c.Move(slot, from, c.next(from)); err != nil {
				return moves, err
			}
			moves++
		}
	}
}

// next is the master after s, or the first.
func (c *Cluster) next(s *Server) *Server {
	for i, m := range c.Nodes[:c.masters] {
		if m == s {
			return c.Nodes[(i+1)%c.masters]
		}
	}
	return c.Nodes[0]
}

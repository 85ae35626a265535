package redistest

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

const slots = 16384 // of a cluster

// Cluster is a running Redis Cluster.
type Cluster struct {
	Nodes []*Server // as begun: first the masters, then the replicas of the first, of the second, …

	masters int
}

// StartCluster starts a cluster of that many masters without replicas, with
// extra arguments as on their command lines. The slots are dealt evenly, in
// order. A node is down after two seconds of silence.
func StartCluster(t testing.TB, masters int, args ...string) *Cluster {
	t.Helper()
	return StartReplicatedCluster(t, masters, 0, args...)
}

// StartReplicatedCluster is StartCluster with so many replicas per master.
func StartReplicatedCluster(t testing.TB, masters, replicas int, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{masters: masters}
	for range masters * (1 + replicas) {
		bus := strconv.Itoa(proctest.FreePort(t))
		c.Nodes = append(c.Nodes, Start(t, append([]string{
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000",
			"--cluster-announce-ip", "127.0.0.1", "--cluster-announce-bus-port", bus,
		}, args...)...))
	}
	if err := c.join(); err != nil {
		t.Fatalf("form a cluster: %v", err)
	}
	awaitAll(t, "knows all others", c.Nodes, c.complete)
	for i, s := range c.Nodes[masters:] {
		master := c.Nodes[i/replicas]
		if err := c.follow(s, master); err != nil {
			t.Fatalf("replicate: %v", err)
		}
		awaitSync(t, master, s)
	}
	c.WaitOK(t)
	return c
}

// join deals the slots and introduces all nodes to each other.
func (c *Cluster) join() error {
	var buses []string
	for i, s := range c.Nodes {
		v, err := s.Do("CONFIG", "GET", "cluster-port")
		if list, ok := v.([]any); err != nil || !ok || len(list) != 2 {
			return fmt.Errorf("%s: no bus port: %v, %w", s.Addr, v, err)
		}
		buses = append(buses, fmt.Sprint(v.([]any)[1]))
		// Else nodes with the same epoch contend for it.
		if _, err := s.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
		if i < c.masters {
			first, after := i*slots/c.masters, (i+1)*slots/c.masters
			if _, err := s.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(after-1)); err != nil {
				return err
			}
		}
		for j := range i {
			if _, err := s.Do("CLUSTER", "MEET", "127.0.0.1", c.Nodes[j].port(), buses[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow makes a node the replica of another.
func (c *Cluster) follow(s, master *Server) error {
	id, err := master.id()
	if err != nil {
		return err
	}
	_, err = s.Do("CLUSTER", "REPLICATE", id)
	return err
}

// complete is an error until the node knows all others for good.
func (c *Cluster) complete(s *Server) error {
	v, err := s.Do("CLUSTER", "NODES")
	if err != nil {
		return err
	}
	text, _ := v.(string)
	known := 0
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 || strings.Contains(f[2], "handshake") || strings.Contains(f[2], "fail") || f[7] != "connected" {
			return fmt.Errorf("it knows %q", line)
		}
		known++
	}
	if known != len(c.Nodes) {
		return fmt.Errorf("it knows only\n%s", text)
	}
	return nil
}

// WaitOK waits until every node that runs says cluster_state:ok and knows the
// owner of every slot.
func (c *Cluster) WaitOK(t testing.TB) {
	t.Helper()
	awaitAll(t, "cluster_state:ok", c.Nodes, func(s *Server) error {
		if s.exited() {
			return nil
		}
		v, err := s.Do("CLUSTER", "INFO")
		if err != nil {
			return err
		}
		if m := fields(v); m["cluster_state"] != "ok" || m["cluster_slots_ok"] != strconv.Itoa(slots) {
			return fmt.Errorf("it says %v", m)
		}
		return nil
	})
}

// Addrs are the addresses of all nodes, in the order of Nodes.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, s := range c.Nodes {
		addrs[i] = s.Addr
	}
	return addrs
}

// Slot is the slot of a key.
func (c *Cluster) Slot(key string) (int, error) {
	v, err := c.Nodes[0].Do("CLUSTER", "KEYSLOT", key)
	n, _ := v.(int64)
	return int(n), err
}

// Owner is the master that holds a slot, as a node that runs sees it.
func (c *Cluster) Owner(slot int) (*Server, error) {
	for _, s := range c.Nodes {
		if s.exited() {
			continue
		}
		v, err := s.Do("CLUSTER", "SLOTS")
		if err != nil {
			return nil, err
		}
		return c.owner(v, int64(slot))
	}
	return nil, errors.New("no node runs")
}

// owner finds a slot in the answer to CLUSTER SLOTS: [[first, last, [ip, port,
// …], …], …].
func (c *Cluster) owner(ranges any, slot int64) (*Server, error) {
	list, _ := ranges.([]any)
	for _, r := range list {
		f, _ := r.([]any)
		if len(f) < 3 {
			continue
		}
		first, _ := f[0].(int64)
		last, _ := f[1].(int64)
		node, _ := f[2].([]any)
		if slot < first || slot > last || len(node) < 2 {
			continue
		}
		addr := net.JoinHostPort(fmt.Sprint(node[0]), fmt.Sprint(node[1]))
		for _, s := range c.Nodes {
			if s.Addr == addr {
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("nobody here owns slot %d: %v", slot, ranges)
}

// id is the node's name in its cluster.
func (s *Server) id() (string, error) {
	v, err := s.Do("CLUSTER", "MYID")
	id, _ := v.(string)
	return id, err
}

func (s *Server) exited() bool {
	select {
	case <-s.Exited():
		return true
	default:
		return false
	}
}

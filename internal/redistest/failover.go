package redistest

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// peers is the address that replicas and Sentinels of a Failover dial from.
const peers = "127.0.0.2"

// Failover is a master with replicas, watched by three Sentinels.
//
// Before each server stands a proxy, and its address is the only one that
// Sentinels, replicas and thereby clients know the server by. A proxy tells
// peers from clients by the address they dial from: servers and Sentinels dial
// from 127.0.0.2, clients from 127.0.0.1, as everybody does who does not ask
// for another. So a partition cuts both ways, with client connections at the
// very same address untouched:
//
//	                  whole       Partition
//	client–master     proxy       proxy
//	replica–master    proxy       black hole
//	Sentinel–master   proxy       black hole
//	Sentinel–replica  proxy       proxy
//	client–Sentinel   direct      direct
//	Sentinel–Sentinel direct      direct
//
// Its methods are for the goroutine of the test.
type Failover struct {
	Name      string // of the master, for Sentinels
	Sentinels []*Server

	nodes  []*node
	master *node // as far as WaitMaster has seen
	lost   *node // cut off or killed
}

// node is a server with the proxy that it is known by.
type node struct {
	*Server
	proxy *Proxy
}

// StartFailover starts a master with replicas and three Sentinels, with extra
// arguments as on the command line of each server. All have loaded the same
// data and know one another.
func StartFailover(t testing.TB, replicas int, args ...string) *Failover {
	t.Helper()
	proctest.Require(t, "redis", canDialFromPeers(t))
	f := &Failover{Name: "evenkeel"}
	for i := range 1 + replicas {
		port := proctest.FreePort(t)
		n := &node{proxy: StartProxy(t, local(port))}
		_, known, _ := net.SplitHostPort(n.proxy.Addr) // of a listener
		all := append([]string{
			"--bind-source-addr", peers,
			"--replica-announce-ip", "127.0.0.1", "--replica-announce-port", known,
		}, args...)
		if i == 0 {
			n.Server = start(t, port, all...)
		} else {
			n.Server = startReplica(t, port, f.nodes[0].Server, append(all, follow(f.nodes[0].proxy.Addr)...)...)
		}
		f.nodes = append(f.nodes, n)
	}
	f.master = f.nodes[0]
	lines := []string{"bind-source-addr " + peers}
	if p := f.master.Password; p != "" {
		lines = append(lines, fmt.Sprintf("sentinel auth-pass %s %s", f.Name, p))
	}
	f.Sentinels = StartSentinels(t, 3, f.master.proxy.Addr, f.Name, lines...)
	return f
}

// canDialFromPeers is an error on systems with a single loopback address.
func canDialFromPeers(t testing.TB) error {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(peers, "0"))
	if err != nil {
		return err
	}
	return l.Close()
}

// SentinelAddrs are the addresses of the Sentinels.
func (f *Failover) SentinelAddrs() []string {
	addrs := make([]string, len(f.Sentinels))
	for i, s := range f.Sentinels {
		addrs[i] = s.Addr
	}
	return addrs
}

// Server is the one behind an address that WaitMaster or a Sentinel named, nil
// if there is none. Its own Addr goes around the proxy.
func (f *Failover) Server(addr string) *Server {
	for _, n := range f.nodes {
		if n.proxy.Addr == addr {
			return n.Server
		}
	}
	return nil
}

// Partition cuts the master off from replicas and Sentinels, not from clients.
// Within seconds a replica is promoted; the old master takes writes as before,
// unless min-replicas-to-write stops it.
func (f *Failover) Partition() {
	f.lost = f.master
	f.master.proxy.BlackHole(peers)
}

// HealPartition joins what Partition cut. The Sentinels then make the old
// master a replica, which loses what it alone has.
func (f *Failover) HealPartition() {
	for _, n := range f.nodes {
		n.proxy.Heal()
	}
	f.lost = nil
}

// KillMaster kills the master. It can come back as a replica by its Restart.
func (f *Failover) KillMaster() {
	f.lost = f.master
	f.master.Kill()
}

// WaitMaster waits until all Sentinels agree on a master that has not been cut
// off or killed and that says it is one, and returns the address that clients
// know it by. Without a fault that is at once.
func (f *Failover) WaitMaster(t testing.TB) string {
	t.Helper()
	var found *node
	await(t, "a master", func() (err error) {
		found, err = f.agreed()
		return err
	})
	f.master = found
	return found.proxy.Addr
}

func (f *Failover) agreed() (*node, error) {
	addr := ""
	for _, s := range f.Sentinels {
		a, err := s.masterOf(f.Name)
		if err != nil {
			return nil, err
		}
		if addr != "" && a != addr {
			return nil, fmt.Errorf("the Sentinels name %s and %s", addr, a)
		}
		addr = a
	}
	for _, n := range f.nodes {
		if n.proxy.Addr != addr {
			continue
		}
		if n == f.lost {
			return nil, errors.New("the Sentinels still name the master that was lost")
		}
		info, err := n.Info("replication")
		if err == nil && info["role"] != "master" {
			err = fmt.Errorf("%s is still a %s", addr, info["role"])
		}
		return n, err
	}
	return nil, fmt.Errorf("the Sentinels name %s, which is none of ours", addr)
}

// WaitWhole waits until every server that runs is the master or in sync with
// it, and returns the master's address.
func (f *Failover) WaitWhole(t testing.TB) string {
	t.Helper()
	addr := f.WaitMaster(t)
	for _, n := range f.nodes {
		if n != f.master && !n.exited() {
			awaitSync(t, f.master.Server, n.Server)
		}
	}
	return addr
}

// Package redistest starts real redis-server processes for tests: one server,
// a master with replicas, Sentinels, a cluster, and proxies that break the
// network between them.
//
//	server := redistest.Start(t)
//	if _, err := server.Do("SET", "k", "v"); err != nil { … }
//
//	set := redistest.StartFailover(t, 2) // a master, two replicas, three Sentinels
//	set.Partition()                      // clients still reach the old master
//	addr := set.WaitMaster(t)            // the promoted one
//
// # Guarantees
//
//   - Servers listen on loopback only, keep nothing on disk unless an argument
//     says so, and are gone when the test has ended, also if the test binary
//     was killed, and if they are stopped.
//   - A machine without redis-server skips the test, or fails it where
//     EVENKEEL_REQUIRE names redis.
//   - What a Start function returns is ready: a replica is in sync, Sentinels
//     know one another and the replicas, every node of a cluster says
//     cluster_state:ok and knows every other.
//   - After [Proxy.BlackHole] has returned, no byte passes.
//   - [Failover.Partition] cuts the master off from its replicas and from all
//     Sentinels. It does not cut clients off from anybody, nor Sentinels from
//     one another or from replicas. See [Failover] for how.
//
// # Not guaranteed
//
// TLS; that a port which was free a moment ago still is; partitions of a
// cluster's bus, for which [Server.Stop] is the nearest thing.
//
// Functions that take a testing.TB, and Stop and Cont, end the test when they
// fail, so they belong in its goroutine. All others return errors and may be
// called from any.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// patience bounds every wait; it is only ever used up by what hangs.
const patience = 30 * time.Second

// Server is a running redis-server, or a Sentinel.
type Server struct {
	*proctest.Process
	Addr     string // host:port
	Password string // of the default user, from --requirepass; empty is none

	t    testing.TB
	path string   // of the program
	args []string // of the command line, for Restart
}

// Start starts a standalone server with extra arguments as on its command
// line, and waits until it answers.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, proctest.FreePort(t), args...)
}

func start(t testing.TB, port int, args ...string) *Server {
	t.Helper()
	password := ""
	if i := slices.Index(args, "--requirepass"); i >= 0 && i+1 < len(args) {
		password = args[i+1]
	}
	args = append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port),
		"--save", "", "--appendonly", "no", "--dir", t.TempDir(),
		// Without a file in between, a master waits 5 s for more replicas before
		// it sends the first one data, and then up to one for its first
		// acknowledgement, before which it calls it online but sends nothing.
		"--repl-diskless-sync", "no", "--rdb-del-sync-files", "yes",
		"--masterauth", password, // of a server that becomes, or has become, a replica
	}, args...)
	s := &Server{Addr: local(port), Password: password, args: args}
	s.run(t)
	return s
}

// run starts the process and waits until it answers.
func (s *Server) run(t testing.TB) {
	t.Helper()
	if s.path == "" {
		path, err := exec.LookPath("redis-server")
		proctest.Require(t, "redis", err)
		s.path = path
	}
	s.t = t
	s.Process = proctest.Start(t, exec.CommandContext(t.Context(), s.path, s.args...))
	s.WaitPort(patience, s.Addr)
}

// Restart ends the server, if Kill has not, and starts it again on the same
// port with the same arguments. What it held is gone unless an argument made
// it persist.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	s.Wait(patience)
	s.run(t)
}

// port is the one that the server listens on.
func (s *Server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr) // always written by local
	return port
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// await tries every 5 ms until there is no error, and ends the test with the
// last one when patience has passed.
func await(t testing.TB, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %v: %v", what, patience, err)
		case <-tick.C:
		}
	}
}

// awaitAll is await for every one of the servers.
func awaitAll(t testing.TB, what string, servers []*Server, try func(*Server) error) {
	t.Helper()
	for _, s := range servers {
		await(t, fmt.Sprintf("%s: %s", s.Addr, what), func() error { return try(s) })
	}
}

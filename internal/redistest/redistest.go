// Package redistest starts real redis-server processes for tests.
//
//	server := redistest.Start(t)
//	conn, err := net.Dial("tcp", server.Addr)
//
// Guarantees: the server listens on loopback only, keeps nothing on disk, and
// is gone when the test has ended, also if the test binary was killed. A
// machine without redis-server skips the test, or fails it where
// EVENKEEL_REQUIRE names redis.
//
// Not guaranteed: TLS, passwords, clusters.
package redistest

import (
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// Server is a running redis-server.
type Server struct {
	*proctest.Process
	Addr string // host:port
}

// Start starts a standalone server with extra arguments as on its command
// line, and waits until it answers.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	proctest.Require(t, "redis", err)
	port := proctest.FreePort(t)
	args = append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port),
		"--save", "", "--appendonly", "no", "--dir", t.TempDir(),
	}, args...)
	s := &Server{
		Process: proctest.Start(t, exec.CommandContext(t.Context(), path, args...)),
		Addr:    fmt.Sprintf("127.0.0.1:%d", port),
	}
	s.WaitPort(20*time.Second, s.Addr)
	return s
}

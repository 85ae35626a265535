package redistest

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// StartReplica starts a replica of a server, with extra arguments as on its
// command line, and waits until it is in sync and counted by WAIT. An argument
// --replicaof lets it follow a [Proxy] before that server.
func StartReplica(t testing.TB, of *Server, args ...string) *Server {
	t.Helper()
	return startReplica(t, proctest.FreePort(t), of, args...)
}

func startReplica(t testing.TB, port int, of *Server, args ...string) *Server {
	t.Helper()
	all := append(follow(of.Addr), "--masterauth", of.Password)
	s := start(t, port, append(all, args...)...)
	awaitSync(t, of, s)
	return s
}

// follow are the arguments of a replica of addr.
func follow(addr string) []string {
	host, port, _ := net.SplitHostPort(addr) // always written by local
	return []string{"--replicaof", host, port}
}

// awaitSync waits until both ends call the replica in sync.
func awaitSync(t testing.TB, master, replica *Server) {
	t.Helper()
	await(t, fmt.Sprintf("%s in sync with %s", replica.Addr, master.Addr), func() error {
		return inSync(master, replica)
	})
}

func inSync(master, replica *Server) error {
	port, err := replica.announced()
	if err != nil {
		return err
	}
	info, err := replica.Info("replication")
	if err != nil {
		return err
	}
	if info["master_link_status"] != "up" {
		return fmt.Errorf("the replica says %v", info)
	}
	if info, err = master.Info("replication"); err != nil {
		return err
	}
	for name, value := range info {
		// slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0
		if strings.HasPrefix(name, "slave") && strings.Contains(value, ",port="+port+",state=online,") {
			return nil
		}
	}
	return fmt.Errorf("the master says %v", info)
}

// announced is the port that the server tells its master.
func (s *Server) announced() (string, error) {
	v, err := s.Do("CONFIG", "GET", "replica-announce-port")
	if err != nil {
		return "", err
	}
	if list, ok := v.([]any); ok && len(list) == 2 && list[1] != "0" {
		return fmt.Sprint(list[1]), nil
	}
	return s.port(), nil
}

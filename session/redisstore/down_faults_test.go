package redisstore

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

// downFault is a fault of a server that is there, and its end.
type downFault struct {
	downRules
	addr       string // that services know the server by
	how        Connection
	begin, end func()
	says       string   // in the log of each service, to the operator
	secrets    []string // what it must not say
}

// Passwords of the servers here.
const (
	firstSecret  = "hunter2-of-the-first-day"
	secondSecret = "hunter2-of-the-second-day"
)

func downFaults() map[string]func(*testing.T) downFault {
	return map[string]func(*testing.T) downFault{
		"a server that stands still": func(t *testing.T) downFault {
			s := redistest.Start(t)
			return downFault{addr: s.Addr, begin: s.Stop, end: s.Cont, says: "timeout", downRules: downRules{lingers: true}}
		},
		"a server that is killed and has kept its data": func(t *testing.T) downFault {
			s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
			return downFault{addr: s.Addr, begin: downKill(s), end: func() { s.Restart(t) }, says: "unreachable"}
		},
		"a server that is killed and has kept nothing": func(t *testing.T) downFault {
			s := redistest.Start(t)
			return downFault{addr: s.Addr, begin: downKill(s), end: func() { s.Restart(t) }, says: "unreachable", downRules: downRules{loses: true}}
		},
		"a server without memory": func(t *testing.T) downFault {
			s := redistest.Start(t, "--maxmemory-policy", "noeviction")
			limit := func(bytes string) func() { return downDo(t, s, "CONFIG", "SET", "maxmemory", bytes) }
			return downFault{addr: s.Addr, begin: limit("1"), end: limit("0"), says: "no space", downRules: downRules{reads: true, ends: true}}
		},
		"a network that swallows everything": func(t *testing.T) downFault {
			p := redistest.StartProxy(t, redistest.Start(t).Addr)
			return downFault{addr: p.Addr, begin: func() { p.BlackHole() }, end: p.Heal, says: "timeout"}
		},
		"a server that loads its data":                 loadingServer,
		"a master that becomes a replica":              demotedServer,
		"a master that follows its successor":          succeededServer,
		"a new password, and a function that gives it": passwordGiven,
		"a new password, and the old one again":        passwordRestored,
	}
}

// downKill returns when the server has ended.
func downKill(s *redistest.Server) func() {
	return func() { s.Kill(); s.Wait(downPatience) }
}

// downDo is a command that the server has to take.
func downDo(t *testing.T, s *redistest.Server, args ...string) func() {
	return func() {
		t.Helper()
		if _, err := s.Do(args...); err != nil {
			t.Fatalf("%s: %v", args[0], err)
		}
	}
}

// passwordGiven is a server whose password changes before the service learns
// of it.
func passwordGiven(t *testing.T) downFault {
	s := redistest.Start(t, "--requirepass", firstSecret)
	var known atomic.Value
	known.Store(firstSecret)
	f := rotated(t, s)
	f.how.Credentials = func(context.Context) (Credentials, error) {
		return Credentials{Password: known.Load().(string)}, nil
	}
	f.end = func() { known.Store(secondSecret) }
	return f
}

// passwordRestored is one that gets its old password again, because the service
// can learn of no other.
func passwordRestored(t *testing.T) downFault {
	s := redistest.Start(t, "--requirepass", firstSecret)
	f := rotated(t, s)
	f.how.Password = firstSecret
	f.end = downDo(t, s, "CONFIG", "SET", "requirepass", firstSecret)
	return f
}

// rotated sets another password and ends what is connected by the old one.
func rotated(t *testing.T, s *redistest.Server) downFault {
	begin := func() {
		t.Helper()
		downDo(t, s, "CONFIG", "SET", "requirepass", secondSecret)()
		s.Password = secondSecret
		downDo(t, s, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")()
	}
	return downFault{
		addr: s.Addr, begin: begin, says: "unauthorized: WRONGPASS", secrets: []string{firstSecret, secondSecret},
	}
}

// loadingServer is one that saves all, ends, and takes its time to load it.
func loadingServer(t *testing.T) downFault {
	s := redistest.Start(t, "--enable-debug-command", "yes", "--key-load-delay", "20000",
		"--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no")
	for i := range 1000 { // 20 s, in which it answers after every key
		downDo(t, s, "SET", "ballast"+strconv.Itoa(i), strings.Repeat("v", 2000))()
	}
	begin := func() {
		if _, err := s.Do("SHUTDOWN", "SAVE"); err == nil {
			t.Fatal("the server has answered SHUTDOWN")
		}
		s.Wait(downPatience)
		s.Restart(t)
	}
	return downFault{addr: s.Addr, begin: begin, end: downDo(t, s, "CONFIG", "SET", "key-load-delay", "0"), says: "loading"}
}

// demotedServer is a master that becomes the replica of one that is not there,
// so that it keeps its data.
func demotedServer(t *testing.T) downFault {
	s := redistest.Start(t)
	port := strconv.Itoa(proctest.FreePort(t))
	return downFault{
		addr: s.Addr, begin: downDo(t, s, "REPLICAOF", "127.0.0.1", port), end: downDo(t, s, "REPLICAOF", "NO", "ONE"),
		says: "read only", downRules: downRules{mayRead: true},
	}
}

// succeededServer is a master whose replica takes its place, and that takes all
// data from it, at the address that services know.
func succeededServer(t *testing.T) downFault {
	s := redistest.Start(t)
	next := redistest.StartReplica(t, s)
	host, port, _ := net.SplitHostPort(next.Addr) // as redistest writes it
	begin := func() {
		downDo(t, s, "REPLICAOF", host, port)()
		downDo(t, next, "REPLICAOF", "NO", "ONE")()
	}
	end := func() {
		awaitFact(t, "it follows", func() string {
			if info, err := s.Info("replication"); err != nil || info["master_link_status"] != "up" {
				return fmt.Sprint(info, err)
			}
			return ""
		})
		downDo(t, s, "REPLICAOF", "NO", "ONE")()
	}
	return downFault{addr: s.Addr, begin: begin, end: end, says: "read only", downRules: downRules{mayRead: true}}
}

package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// StartSentinels starts n Sentinels that watch the master at an address under
// a name, and waits until each knows all others and the master's replicas. The
// quorum is a majority; a server is down after one to two seconds of silence,
// and a failover that failed is tried again after four. Lines are added to each
// configuration file, where the last of a kind counts:
//
//	redistest.StartSentinels(t, 3, master.Addr, "shop", "sentinel auth-pass shop secret", "requirepass other")
func StartSentinels(t testing.TB, n int, master, name string, lines ...string) []*Server {
	t.Helper()
	all := make([]*Server, n)
	for i := range all {
		// They do not notice all at once: two that ask for votes at the same
		// moment need a third who does not, or all wait for the next try.
		down := "sentinel down-after-milliseconds " + name + " " + strconv.Itoa(1000+300*i)
		all[i] = startSentinel(t, n/2+1, master, name, append([]string{down}, lines...))
	}
	awaitAll(t, "knows all others", all, func(s *Server) error {
		return s.acquainted(name, n-1)
	})
	return all
}

func startSentinel(t testing.TB, quorum int, master, name string, lines []string) *Server {
	t.Helper()
	host, masterPort, err := net.SplitHostPort(master)
	if err != nil {
		t.Fatal(err)
	}
	port := proctest.FreePort(t)
	dir := t.TempDir()
	conf := append([]string{
		"port " + strconv.Itoa(port), "bind 127.0.0.1", "dir " + dir,
		// Else it announces the address that it dials from.
		"sentinel announce-ip 127.0.0.1", "sentinel announce-port " + strconv.Itoa(port),
		fmt.Sprintf("sentinel monitor %s %s %s %d", name, host, masterPort, quorum),
		"sentinel failover-timeout " + name + " 2000",
	}, lines...)
	path := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: local(port), args: []string{path, "--sentinel"}}
	for _, l := range lines {
		if p, ok := strings.CutPrefix(l, "requirepass "); ok {
			s.Password = p
		}
	}
	s.run(t)
	s.hurry(t)
	return s
}

// hurry shortens the periods, of up to ten seconds, in which a Sentinel looks
// and talks; and a machine that stands still for some seconds must not make it
// refuse to act. A replica is promoted only if its report is younger than five
// pings, and reports come every second while it has no master, so the period
// of pings must stay above a fifth of that. Before Redis 7 there is no such
// command, and all is slower.
func (s *Server) hurry(t testing.TB) {
	t.Helper()
	_, err := s.Do("SENTINEL", "DEBUG",
		"INFO-PERIOD", "200", "PING-PERIOD", "300", "ASK-PERIOD", "100", "PUBLISH-PERIOD", "200",
		"TILT-TRIGGER", "20000")
	if err != nil {
		t.Logf("%s works at its usual pace: %v", s.Addr, err)
	}
}

// acquainted is an error until a Sentinel knows so many others, and has had the
// first report of the master, which names the replicas.
func (s *Server) acquainted(name string, others int) error {
	v, err := s.Do("SENTINEL", "MASTER", name)
	if err != nil {
		return err
	}
	list, _ := v.([]any)
	m := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		m[fmt.Sprint(list[i])] = fmt.Sprint(list[i+1])
	}
	if m["flags"] != "master" || m["runid"] == "" || m["num-other-sentinels"] != strconv.Itoa(others) {
		return fmt.Errorf("it says %v", m)
	}
	return nil
}

// masterOf is where a Sentinel says that the master is.
func (s *Server) masterOf(name string) (string, error) {
	v, err := s.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
	if err != nil {
		return "", err
	}
	list, _ := v.([]any)
	if len(list) != 2 {
		return "", fmt.Errorf("%s knows no master %q", s.Addr, name)
	}
	return net.JoinHostPort(fmt.Sprint(list[0]), fmt.Sprint(list[1])), nil
}

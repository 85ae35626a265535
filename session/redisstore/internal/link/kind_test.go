package link

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

func TestServersOfTheWrongKindSayWhichURLIsRight(t *testing.T) {
	plain := redistest.Start(t)
	clustered := redistest.Start(t, "--cluster-enabled", "yes")
	replica := redistest.StartReplica(t, plain)
	for name, c := range map[string]struct {
		url   string
		want  Failure
		words []string
	}{
		"a cluster's node by redis":           {"redis://" + clustered.Addr, Misconfigured, []string{clustered.Addr, "redis-cluster://"}},
		"a cluster's node by redis with db":   {"redis://" + clustered.Addr + "/1", Misconfigured, []string{clustered.Addr, "redis-cluster://"}},
		"a server by redis-cluster":           {"redis-cluster://" + plain.Addr, Misconfigured, []string{plain.Addr, "redis://"}},
		"servers by redis-cluster":            {"redis-cluster://" + plain.Addr + "," + replica.Addr, Misconfigured, []string{plain.Addr, "redis://"}},
		"a server by redis-sentinel":          {"redis-sentinel://" + plain.Addr + "/m", Misconfigured, []string{plain.Addr, "no Sentinel"}},
		"a replica":                           {"redis://" + replica.Addr, ReadOnly, []string{replica.Addr, "master"}},
		"a database that is not there":        {"redis://" + plain.Addr + "/99", Misconfigured, []string{"databases"}},
		"a cluster without slots":             {"redis-cluster://" + clustered.Addr, Unreachable, []string{clustered.Addr, "slot"}},
		"nobody":                              {fmt.Sprintf("redis://127.0.0.1:%d", proctest.FreePort(t)), Unreachable, []string{"127.0.0.1", "refused"}},
		"no Sentinel":                         {fmt.Sprintf("redis-sentinel://127.0.0.1:%d/m", proctest.FreePort(t)), Unreachable, []string{"127.0.0.1", "refused"}},
		"no cluster":                          {fmt.Sprintf("redis-cluster://127.0.0.1:%d", proctest.FreePort(t)), Unreachable, []string{"127.0.0.1", "refused"}},
		"a server that speaks another tongue": {"redis://" + garbage(t), Unreachable, []string{"127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := start(t, c.url, Options{}).set(t, "k")
			if _, ok := errors.AsType[session.ErrUnavailable](err); !ok {
				t.Errorf("%v does not say that nothing was sent", err)
			}
			wantFailure(t, err, c.want, c.words...)
		})
	}
}

// garbage answers everything with HTTP.
func garbage(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			c.Close()
		}
	}()
	return l.Addr().String()
}

// A name that leads to another server after a failover is looked up anew.
func TestAConnectionToAReplicaIsMadeAnew(t *testing.T) {
	s, other := redistest.Start(t), redistest.Start(t)
	w := start(t, "redis://"+s.Addr, Options{})
	if err := errors.Join(w.set(t, "k"), w.read(t, "k")); err != nil {
		t.Fatal(err)
	}
	w.quiet()
	do(t, s, "REPLICAOF", "127.0.0.1", strings.TrimPrefix(other.Addr, "127.0.0.1:"))
	before := w.Stats().Dials
	wantFailure(t, w.set(t, "k"), ReadOnly, s.Addr)
	eventually(t, "there is a new connection", func() error {
		if w.set(t, "k") == nil {
			t.Fatal("a replica takes writes")
		}
		return unless(w.Stats().Dials > before, "not yet")
	})
	w.eventuallyHears(t, "all") // of the other client's connection, which was not asked
}

// A replica that is promoted while the link knows it as one is taken.
func TestAServerThatWasUnfitIsExaminedAgain(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	w := start(t, "redis://"+replica.Addr, Options{})
	wantFailure(t, w.set(t, "k"), ReadOnly)
	if _, err := replica.Do("REPLICAOF", "NO", "ONE"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the promoted server is used", func() error { return w.set(t, "k") })
}

func TestInfoIsJudged(t *testing.T) {
	const modern = "redis_version:7.0.15\r\nredis_mode:standalone\r\ncluster_enabled:0\r\nrole:master\r\nloading:0\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nevicted_keys:3\r\n"
	for name, c := range map[string]struct {
		change  string // later lines win
		mode    mode
		unfit   string
		warning string
	}{
		"all well":                 {"", standalone, "", ""},
		"all well, by Sentinels":   {"", sentinel, "", ""},
		"cluster":                  {"redis_mode:cluster\ncluster_enabled:1\n", cluster, "", ""},
		"cluster by redis":         {"redis_mode:cluster\ncluster_enabled:1\n", standalone, "redis-cluster://", ""},
		"cluster by Sentinels":     {"redis_mode:cluster\ncluster_enabled:1\n", sentinel, "redis-cluster://", ""},
		"server by redis-cluster":  {"", cluster, "not part of a Cluster", ""},
		"Sentinel":                 {"redis_mode:sentinel\n", standalone, "redis-sentinel://", ""},
		"6.0":                      {"redis_version:6.0.20\n", standalone, "6.0.20", ""},
		"5":                        {"redis_version:5.0.0\n", standalone, "at least 6.2", ""},
		"6.2":                      {"redis_version:6.2.0\n", standalone, "", ""},
		"10.0":                     {"redis_version:10.0.1\n", standalone, "", ""},
		"some other version":       {"redis_version:unstable\n", standalone, "", ""},
		"loading":                  {"loading:1\n", standalone, "loading", ""},
		"replica":                  {"role:slave\n", standalone, "replica", ""},
		"LRU with a limit":         {"maxmemory:100\nmaxmemory_policy:allkeys-lru\n", standalone, "", "allkeys-lru"},
		"LRU of a managed server":  {"maxmemory:100\nmaxmemory_policy:volatile-lru\n", standalone, "", "noeviction"},
		"LRU without a limit":      {"maxmemory_policy:allkeys-lru\n", standalone, "", ""},
		"a limit without eviction": {"maxmemory:100\n", standalone, "", ""},
		"no append-only file":      {"aof_enabled:0\n", standalone, "", "appendonly"},
	} {
		i := parseInfo(modern + c.change)
		said := ""
		if e := i.unfit(c.mode); e != nil {
			said = e.Error()
		}
		if !strings.Contains(said, c.unfit) || (said == "") != (c.unfit == "") {
			t.Errorf("%s: unfit is %q, want %q", name, said, c.unfit)
		}
		warned := strings.Join(i.warnings(true), "\n")
		if !strings.Contains(warned, c.warning) || (warned == "") != (c.warning == "") {
			t.Errorf("%s: warnings are %q, want %q", name, warned, c.warning)
		}
	}
	if got := parseInfo(modern); got.evicted != 3 {
		t.Errorf("evicted_keys is %d", got.evicted)
	}
	if got := parseInfo("maxmemory_policy:allkeys-lru\n").warnings(false); len(got) != 1 {
		t.Errorf("a server that hides its maxmemory: %q", got)
	}
}

func TestSettingsThatLoseSessionsAreToldOnceAndRefusedIfStrict(t *testing.T) {
	s := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	w := start(t, "redis://"+s.Addr, Options{WantAOF: true})
	for range 3 {
		eventually(t, "a call", func() error { return w.set(t, "k") })
		if err := w.read(t, "k"); err != nil {
			t.Fatal(err)
		}
		w.plain.disconnect(w.entry)
	}
	if n, last := w.told(ServerWarning); n != 2 || last.Node != s.Addr {
		t.Errorf("%d warnings, want one of the policy and one of the file; last %+v", n, last)
	}

	strict := start(t, "redis://"+s.Addr, Options{WantAOF: true, StrictServer: true})
	wantFailure(t, strict.set(t, "k"), Misconfigured, "allkeys-lru", "appendonly", "StrictServer")
	if _, err := s.Do("CONFIG", "SET", "maxmemory-policy", "noeviction", "appendonly", "yes"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the corrected server is used", func() error { return strict.set(t, "k") })

	control := start(t, "redis://"+redistest.Start(t).Addr, Options{})
	if err := control.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	if n, last := control.told(ServerWarning); n != 0 {
		t.Errorf("control: a plain server is warned of: %+v", last)
	}
}

func TestEvictionsAreCountedFromTheFirstLookOn(t *testing.T) {
	s := redistest.Start(t, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-random")
	fill := func() {
		for i := range 60 {
			if _, err := s.Do("SET", fmt.Sprintf("k%d", i), strings.Repeat("x", 100_000)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill() // the past of the server
	w := start(t, "redis://"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	if got := w.Stats(); got.Evicted != 0 {
		t.Fatalf("%d evictions of the time before are counted", got.Evicted)
	}
	fill()
	w.entry.check.due.Store(1) // long due
	eventually(t, "the evictions are told", func() error {
		if err := w.set(t, "k"); err != nil {
			return err
		}
		n, _ := w.told(Evicted)
		return unless(n > 0, "no event")
	})
	n, last := w.told(Evicted)
	if got := w.Stats(); n != 1 || last.Count == 0 || got.Evicted != last.Count || last.Node != s.Addr {
		t.Errorf("%d events, the last %+v; stats count %d", n, last, got.Evicted)
	}
	if due := time.Unix(0, w.entry.check.due.Load()); !due.After(time.Now()) {
		t.Errorf("the next look is due at %v", due)
	}
}

func TestACountThatFellIsThatOfANewServer(t *testing.T) {
	w := start(t, "redis://127.0.0.1:1", Options{})
	for _, c := range []struct{ now, total int64 }{{10, 0}, {10, 0}, {15, 5}, {3, 8}, {3, 8}} {
		w.entry.check.evictions(w.entry, c.now)
		if got := w.Stats().Evicted; got != c.total {
			t.Errorf("after a count of %d: %d in all, want %d", c.now, got, c.total)
		}
	}
}

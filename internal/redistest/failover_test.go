package redistest

import "testing"

func TestWithoutAFaultTheMasterStays(t *testing.T) {
	t.Parallel()
	f := StartFailover(t, 1, "--requirepass", "secret")
	for _, s := range f.Sentinels {
		if addr, err := s.masterOf(f.Name); err != nil || addr != f.WaitMaster(t) {
			t.Errorf("%s names %s, %v", s.Addr, addr, err)
		}
	}
	if len(f.SentinelAddrs()) != 3 || f.Server(f.WaitMaster(t)) != f.nodes[0].Server || f.Server("127.0.0.1:1") != nil {
		t.Error("addresses are mixed up")
	}
}

// A partitioned master goes on taking writes of clients at its address, and
// loses them when it comes back.
func TestPartitionCutsServersButNotClients(t *testing.T) {
	t.Parallel()
	f := StartFailover(t, 2, "--requirepass", "secret")
	was := f.WaitMaster(t)
	client := &Server{Addr: was, Password: "secret"} // through the proxy
	if n := written(t, client, "2", long); n != 2 {
		t.Fatalf("control: %d acknowledge, want 2", n)
	}
	f.Partition()
	if n := written(t, client, "1", "50"); n != 0 {
		t.Fatalf("%d acknowledge across the partition", n)
	}
	now := f.WaitMaster(t)
	if now == was {
		t.Fatal("the master that was cut off is still named")
	}
	do(t, client, "SET", "k", "lost") // still takes writes
	do(t, f.Server(now), "SET", "k", "kept")
	f.HealPartition()
	if addr := f.WaitWhole(t); addr != now {
		t.Fatalf("%s is the master after healing, want %s", addr, now)
	}
	if got := do(t, f.Server(was), "GET", "k"); got != "kept" {
		t.Fatalf("the old master, now a replica, has %v", got)
	}
}

func TestAKilledMasterIsReplacedAndComesBackAsAReplica(t *testing.T) {
	t.Parallel()
	f := StartFailover(t, 1)
	was := f.WaitMaster(t)
	do(t, f.Server(was), "SET", "k", "v")
	if n := written(t, f.Server(was), "1", long); n != 1 {
		t.Fatalf("control: %d acknowledge, want 1", n)
	}
	f.KillMaster()
	now := f.WaitMaster(t)
	if now == was || do(t, f.Server(now), "GET", "k") != "v" {
		t.Fatalf("%s was replaced by %s", was, now)
	}
	f.Server(was).Restart(t)
	if addr := f.WaitWhole(t); addr != now {
		t.Fatalf("%s is the master, want %s", addr, now)
	}
}

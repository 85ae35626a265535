package redistest

import "testing"

// long is a time limit that is not used up, in milliseconds; see answer.
const long = "4000"

// written writes and tells how many replicas acknowledge, on one connection.
// It waits for want of them, with patience if that is what the test expects.
func written(t *testing.T, s *Server, want string, timeout string) int64 {
	t.Helper()
	c, err := s.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Do("SET", "k", "v"); err != nil {
		t.Fatal(err)
	}
	v, err := c.Do("WAIT", want, timeout)
	n, ok := v.(int64)
	if err != nil || !ok {
		t.Fatalf("WAIT answered %v, %v", v, err)
	}
	return n
}

func TestReplicasAreInSyncAndCounted(t *testing.T) {
	t.Parallel()
	master := Start(t)
	do(t, master, "SET", "old", "v")
	a, b := StartReplica(t, master), StartReplica(t, master)
	for _, r := range []*Server{a, b} {
		if got := do(t, r, "GET", "old"); got != "v" {
			t.Errorf("%s has %v", r.Addr, got)
		}
	}
	if n := written(t, master, "2", long); n != 2 {
		t.Errorf("%d acknowledge, want 2", n)
	}
	b.Stop()
	if n := written(t, master, "2", "500"); n != 1 {
		t.Errorf("%d acknowledge while one is stopped, want 1", n)
	}
	b.Cont()
	awaitSync(t, master, b)
}

func TestAReplicaMayFollowAProxy(t *testing.T) {
	t.Parallel()
	master := Start(t)
	p := StartProxy(t, master.Addr)
	r := StartReplica(t, master, follow(p.Addr)...)
	if n := written(t, master, "1", long); n != 1 {
		t.Fatalf("%d acknowledge, want 1", n)
	}
	p.BlackHole()
	if n := written(t, master, "1", "100"); n != 0 {
		t.Fatalf("%d acknowledge through a black hole", n)
	}
	p.Heal()
	await(t, "the write arrives", func() error { return inSync(master, r) })
	if n := written(t, master, "1", long); n != 1 {
		t.Fatalf("%d acknowledge after healing, want 1", n)
	}
}

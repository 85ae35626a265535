package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/redis/rueidis"
)

func clusterURL(c *redistest.Cluster) string {
	return "redis-cluster://" + strings.Join(c.Addrs(), ",")
}

func TestSlotsAreThoseOfTheServer(t *testing.T) {
	s := redistest.Start(t, "--cluster-enabled", "yes")
	for _, key := range []string{"", "a", "123456789", "{a}b", "x{a}b", "{}a", "{a", "a}b{", "x{}{y}", "x{{a}}b", "é{ü}", "{ek:shop:3ff}s:AAAAAAAAAAAAAAAA", strings.Repeat("k", 1000)} {
		want, err := s.Do("CLUSTER", "KEYSLOT", key)
		if err != nil {
			t.Fatal(err)
		}
		if got := slotOf(key); int64(got) != want {
			t.Errorf("slot of %q is %d, the server says %v", key, got, want)
		}
	}
}

func TestMapsOfSlotsAreSearched(t *testing.T) {
	m := slotMap{{0, 99, "a"}, {100, 100, "b"}, {200, slotCount - 1, "a"}}
	for slot, want := range map[uint16]string{0: "a", 99: "a", 100: "b", 101: "", 199: "", 200: "a", slotCount - 1: "a"} {
		if got := m.master(slot); got != want {
			t.Errorf("slot %d has %q, want %q", slot, got, want)
		}
	}
	if got := m.masters(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("masters %q", got)
	}
}

// A node that has not met another does not know its own address.
func TestAClusterOfOneThatDoesNotKnowItsName(t *testing.T) {
	s := redistest.Start(t, "--cluster-enabled", "yes")
	do(t, s, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	w := start(t, "redis-cluster://"+s.Addr, Options{})
	eventually(t, "a call", func() error { return w.set(t, "k") })
	if addr, err := w.Node(t.Context(), "k"); err != nil || addr != s.Addr {
		t.Errorf("Node is %q, %v; want %s", addr, err, s.Addr)
	}
	if _, err := w.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// keysOf finds a key for each master.
func keysOf(t *testing.T, w *world, masters int) map[string]string {
	t.Helper()
	keys := map[string]string{}
	for i := 0; len(keys) < masters && i < 1000; i++ {
		key := fmt.Sprintf("key%d", i)
		addr, err := w.Node(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		keys[addr] = key
	}
	if len(keys) != masters {
		t.Fatalf("keys of %d masters, want %d", len(keys), masters)
	}
	return keys
}

func TestCallsReachTheOwnersOfKeys(t *testing.T) {
	c := redistest.StartCluster(t, 3)
	w := start(t, clusterURL(c), Options{})
	for addr, key := range keysOf(t, w, 3) {
		owner, err := c.Owner(int(slotOf(key)))
		if err != nil || owner.Addr != addr {
			t.Errorf("the owner of %s is %v, %v; Node says %s", key, owner, err, addr)
		}
		if err := errors.Join(w.set(t, key), w.read(t, key)); err != nil {
			t.Error(err)
		}
		w.quiet()
		do(t, owner, "SET", key, "other")
		w.eventuallyHears(t, key)
		err = w.Dedicated(t.Context(), key, func(ctx context.Context, d rueidis.DedicatedClient) error {
			return d.Do(ctx, d.B().Get().Key(key).Build()).Error()
		})
		if err != nil {
			t.Error(err)
		}
	}
	ports := map[string]bool{}
	err := w.Each(t.Context(), func(ctx context.Context, r rueidis.Client) error {
		text, err := r.Do(ctx, r.B().Info().Section("server").Build()).ToString()
		_, after, _ := strings.Cut(text, "tcp_port:")
		port, _, _ := strings.Cut(after, "\r")
		ports[port] = true
		return err
	})
	if err != nil || len(ports) != 3 {
		t.Errorf("Each came to the ports %v: %v", ports, err)
	}
	if _, err := w.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if got := w.Stats(); len(got.Failures) != 0 || got.InFlight != 0 {
		t.Errorf("stats %+v", got)
	}
}

// A master that is down fails its own keys, fast, and nobody else's.
func TestAMasterThatIsDownFailsItsOwnKeysOnly(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		begin func(*redistest.Server)
		end   func(*testing.T, *redistest.Server)
	}{
		"hangs":  {(*redistest.Server).Stop, func(_ *testing.T, s *redistest.Server) { s.Cont() }},
		"killed": {(*redistest.Server).Kill, func(t *testing.T, s *redistest.Server) { s.Restart(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := redistest.StartCluster(t, 3, "--cluster-require-full-coverage", "no")
			w := start(t, clusterURL(c), Options{})
			keys := keysOf(t, w, 3)
			for _, key := range keys {
				if err := w.set(t, key); err != nil {
					t.Fatal(err)
				}
			}
			down := c.Nodes[0]
			fault.begin(down)
			refused := untilRefused(t, w, func() error { return w.trySet(t, keys[down.Addr]) })
			var cause *Error
			if !errors.As(refused, &cause) || cause.Node != down.Addr {
				t.Errorf("the cause is %v, want %s", refused.Cause, down.Addr)
			}
			for range 50 { // longer than an old map of slots is used
				for addr, key := range keys {
					limit := budget
					if addr != down.Addr {
						limit = ample
					}
					if err := w.setWithin(t, key, limit); (err == nil) == (addr == down.Addr) {
						t.Errorf("a call to %s, while %s is down: %v", addr, down.Addr, err)
					}
				}
				w.topology.stale()
				if got := w.Stats().Open; !slices.Equal(got, []string{down.Addr}) {
					t.Fatalf("open are %v", got)
				}
			}
			fault.end(t, down)
			eventually(t, "its keys work again", func() error { return w.trySet(t, keys[down.Addr]) })
		})
	}
}

func TestAClusterWithoutAllSlotsIsDownForEverybodyUntilItIsWhole(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	w := start(t, clusterURL(c), Options{})
	keys := keysOf(t, w, 3)
	other := keys[c.Nodes[1].Addr]
	if err := w.set(t, other); err != nil {
		t.Fatal(err)
	}
	c.Nodes[0].Kill()
	refused := untilRefused(t, w, func() error { return w.trySet(t, other) })
	wantFailure(t, refused, ClusterDown, c.Nodes[1].Addr)
	c.Nodes[0].Restart(t)
	eventually(t, "all keys work again", func() error {
		for _, key := range keys {
			if err := w.trySet(t, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// Slots move and no call fails; what was read is forgotten.
func TestSlotsMoveUnderCalls(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	w := start(t, clusterURL(c), Options{})
	slots := []int{int(slotOf("{a}k")), int(slotOf("{b}k")), int(slotOf("{c}k"))}
	for _, tag := range []string{"{a}k", "{b}k", "{c}k"} {
		if err := errors.Join(w.set(t, tag), w.read(t, tag)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	shuffled := make(chan error, 1)
	moves := 0
	go func() {
		n, err := c.Shuffle(ctx, slots)
		moves = n
		shuffled <- err
	}()
	w.quiet()
	calls := 0
	for until := time.Now().Add(3 * time.Second); time.Now().Before(until); calls++ {
		for _, key := range []string{"{a}k", "{b}k", "{c}k"} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			err := w.Call(ctx, key, func(ctx context.Context, c rueidis.Client) error {
				return c.Do(ctx, c.B().Incr().Key(key+"n").Build()).Error()
			})
			cancel()
			if err != nil {
				t.Errorf("a call under moving slots: %v", err)
			}
		}
	}
	cancel()
	if err := <-shuffled; err != nil || moves == 0 {
		t.Fatalf("%d moves: %v", moves, err)
	}
	for _, key := range []string{"{a}kn", "{b}kn", "{c}kn"} {
		owner, err := c.Owner(int(slotOf(key)))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := owner.Do("GET", key); err != nil || n != fmt.Sprint(calls) {
			t.Errorf("%s is %v, %v after %d increments and %d moves", key, n, err, calls, moves)
		}
	}
	catchUp := func() (owner *redistest.Server) {
		eventually(t, "the map of slots catches up", func() (err error) {
			if owner, err = c.Owner(slots[0]); err != nil {
				return err
			}
			addr, err := w.Node(t.Context(), "{a}k")
			w.topology.stale()
			return errors.Join(err, unless(addr == owner.Addr, addr+" is not "+owner.Addr))
		})
		return owner
	}
	from := catchUp()
	to := c.Nodes[0]
	if from == to {
		to = c.Nodes[1]
	}
	w.quiet()
	c.MoveSlot(t, slots[0], from, to)
	catchUp()
	if !w.heard("all") {
		t.Error("nobody told that slots moved")
	}
}

func TestAReplicaIsPromotedAndADeadOneIsNotMissed(t *testing.T) {
	t.Parallel()
	c := redistest.StartReplicatedCluster(t, 3, 1)
	w := start(t, clusterURL(c), Options{})
	keys := keysOf(t, w, 3)
	for _, key := range keys {
		if err := errors.Join(w.set(t, key), w.read(t, key)); err != nil {
			t.Fatal(err)
		}
	}
	replica, master := c.Nodes[4], c.Nodes[0]
	replica.Kill() // of the second master
	ping := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), ample)
		defer cancel()
		_, err := w.Ping(ctx)
		return err
	}
	for range 100 {
		if err := ping(); err != nil {
			t.Fatalf("Ping with a dead replica: %v", err)
		}
	}
	w.quiet()
	master.Kill()
	if err := ping(); err == nil {
		t.Error("Ping is answered by a dead master")
	}
	eventually(t, "the promoted replica takes writes", func() error { return w.trySet(t, keys[master.Addr]) })
	eventually(t, "the promoted replica answers Ping", ping)
	if addr, err := w.Node(t.Context(), keys[master.Addr]); err != nil || addr == master.Addr {
		t.Errorf("the key is with %s, %v", addr, err)
	}
	if !w.heard("all") {
		t.Error("nobody told that the master changed")
	}
	var unavailable session.ErrUnavailable
	if err := w.set(t, keys[c.Nodes[1].Addr]); errors.As(err, &unavailable) {
		t.Errorf("another master: %v", err)
	}
}

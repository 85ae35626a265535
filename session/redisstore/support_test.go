package redisstore

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

var services atomic.Int64

// open opens a store for a service of its own.
func open(t testing.TB, server *redistest.Server, clock func() time.Time) *Store {
	t.Helper()
	return openWith(t, server, keyspace(fmt.Sprintf("test%d:", services.Add(1))), clock)
}

// openWith opens a store as another process would.
func openWith(t testing.TB, server *redistest.Server, keys keyspace, clock func() time.Time) *Store {
	t.Helper()
	opt := Options{Prefix: string(keys)}
	if clock != nil {
		opt.Cache.MaxBytes = -1 // copies grow old by the machine's clock
	}
	s, err := New("redis://"+server.Addr, opt)
	if err != nil {
		t.Fatal(err)
	}
	s.setClock(clock)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// bare is a client without a store around it.
func bare(t testing.TB, server *redistest.Server) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{server.Addr}, DisableRetry: true, DisableCache: true, ForceSingleClient: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

package near_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

// told is a connection that tracks, and what it was told.
type told struct {
	rueidis.Client
	mu   sync.Mutex
	keys []string
}

func tracked(t *testing.T, s *redistest.Server, options ...string) *told {
	c := &told{}
	c.Client = connect(t, rueidis.ClientOption{
		InitAddress: []string{s.Addr}, PipelineMultiplex: -1, ClientTrackingOptions: options,
		OnInvalidations: func(m []rueidis.RedisMessage) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if m == nil {
				c.keys = append(c.keys, "all")
			}
			for _, k := range m {
				name, _ := k.ToString()
				c.keys = append(c.keys, name)
			}
		},
	})
	return c
}

func connect(t *testing.T, o rueidis.ClientOption) rueidis.Client {
	t.Helper()
	o.DisableRetry, o.ForceSingleClient = true, true
	c, err := rueidis.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// since is what was told until a PING is answered.
func (c *told) since(t *testing.T) []string {
	t.Helper()
	do(t, c, "PING")
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := c.keys
	c.keys = nil
	return keys
}

func do(t *testing.T, c rueidis.Client, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	res := c.Do(ctx, c.B().Arbitrary(args...).Build())
	if err := res.Error(); err != nil && !rueidis.IsRedisNil(err) {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
}

const (
	writeOnly = "return redis.call('HSET', KEYS[1], '_v', ARGV[1])"
	writeRead = "redis.call('HSET', KEYS[1], '_v', ARGV[1]) redis.call('PEXPIRE', KEYS[1], 60000) return redis.call('HGET', KEYS[1], '_v')"
	readOnly  = "return redis.call('HGETALL', KEYS[1])"
)

// The server of the model forgets a key that is written, tells all who had read
// it but the writer, and notes those who read. So does Redis.
func TestRedisTellsOfChangesAsTheModelSays(t *testing.T) {
	server := redistest.Start(t)
	own, other := tracked(t, server, "NOLOOP"), connect(t, rueidis.ClientOption{InitAddress: []string{server.Addr}, DisableCache: true})
	write := func(c rueidis.Client) { do(t, c, "HSET", "k", "_v", "9") }
	script := func(c rueidis.Client, source string) { do(t, c, "EVAL", source, "1", "k", "8") }
	for _, tc := range []struct {
		name string
		do   func() // after own has read k
		want []string
	}{
		{"nothing", func() {}, nil},
		{"foreign write", func() { write(other) }, []string{"k"}},
		{"two foreign writes", func() { write(other); write(other) }, []string{"k"}},
		{"foreign script", func() { script(other, writeRead) }, []string{"k"}},
		{"foreign change of the expiry alone", func() { do(t, other, "PEXPIRE", "k", "70000") }, []string{"k"}},
		{"foreign removal", func() { do(t, other, "DEL", "k") }, []string{"k"}},
		{"own write", func() { write(own) }, nil},
		{"own write, then a foreign one", func() { write(own); write(other) }, nil},
		{"own script that does not read at last, then a foreign write", func() { script(own, writeOnly); write(other) }, nil},
		{"own script that reads at last, then a foreign write", func() { script(own, writeRead); write(other) }, []string{"k"}},
		{"foreign write, own read by a script, foreign write", func() { write(other); script(own, readOnly); write(other) }, []string{"k", "k"}},
		{"database emptied", func() { do(t, other, "FLUSHDB") }, []string{"all"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			write(other)
			do(t, own, "HGETALL", "k")
			own.since(t)
			tc.do()
			if got := own.since(t); !slices.Equal(got, tc.want) {
				t.Errorf("told %v, want %v", got, tc.want)
			}
		})
	}
}

// The hole that the package's documentation names: with NOLOOP, keys that the
// server drops from its table while it executes our command are not told.
func TestRedisDoesNotTellOfKeysDroppedFromAFullTable(t *testing.T) {
	server := redistest.Start(t, "--tracking-table-max-keys", "10")
	for _, tc := range []struct {
		option string
		want   func(n int) bool
	}{
		{"NOLOOP", func(n int) bool { return n < 20 }},
		{"", func(n int) bool { return n >= 180 }},
	} {
		c := tracked(t, server, slices.DeleteFunc([]string{tc.option}, func(o string) bool { return o == "" })...)
		for i := range 200 {
			do(t, c, "GET", fmt.Sprint(tc.option, i))
		}
		if n := len(c.since(t)); !tc.want(n) {
			t.Errorf("%q: told of %d keys of 200, of which 10 have room", tc.option, n)
		}
	}
}

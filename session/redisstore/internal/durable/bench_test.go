package durable

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
	"github.com/redis/rueidis"
)

// BenchmarkCommits compares, with 64 writers and one replica, commits that wait
// for nobody, those of a Group, and those that each have a WAIT of their own.
func BenchmarkCommits(b *testing.B) {
	master, _ := masterAndReplicas(b, 1)
	w := start(b, "redis://"+master.Addr, Options{Replicas: 1, Timeout: 5 * time.Second, Strict: true})
	own, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{master.Addr}, ForceSingleClient: true, DisableCache: true, BlockingPoolSize: writers,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer own.Close()
	b.Run("none", func(b *testing.B) { write(b, w.script) })
	b.Run("group", func(b *testing.B) {
		before := w.Stats()
		write(b, func(ctx context.Context, key, value string) error {
			token := w.Before(ctx, key)
			if err := w.script(ctx, key, value); err != nil {
				return err
			}
			_, err := w.Wait(ctx, key, token)
			return err
		})
		after := w.Stats()
		b.ReportMetric(float64(after.Acknowledged-before.Acknowledged)/float64(after.Rounds-before.Rounds), "commits/round")
	})
	b.Run("each", func(b *testing.B) {
		write(b, func(ctx context.Context, key, value string) error {
			rs := own.DoMulti(ctx,
				own.B().Eval().Script(source).Numkeys(1).Key(key).Arg(value).Build(),
				own.B().Wait().Numreplicas(1).Timeout(5000).Build())
			if n, err := rs[1].AsInt64(); err != nil || n < 1 {
				return fmt.Errorf("%d acknowledged: %w", n, err)
			}
			return nil
		})
	})
}

const writers = 64

// source is a script that does about what a commit does.
const source = `
local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local old = redis.call("HMGET", KEYS[1], "_f", "_v", "_g", "_k", "_x", "_i", "_w", "_d", "@a")
redis.call("HSET", KEYS[1], "_f", "1", "_v", now, "_g", "1", "_a", now, "_w", ARGV[1] .. now, "@a", ARGV[1])
redis.call("PEXPIRE", KEYS[1], 1800000)
return cjson.encode(old)`

var script = link.NewScript(source)

// script is a commit by a script.
func (w *world) script(ctx context.Context, key, value string) error {
	return w.link.Call(ctx, key, func(ctx context.Context, c rueidis.Client) error {
		return script.Exec(ctx, c, key, value).Error()
	})
}

func write(b *testing.B, commit func(ctx context.Context, key, value string) error) {
	b.Helper()
	b.SetParallelism(writers / runtime.GOMAXPROCS(0))
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		k := fmt.Sprintf("{ek:test:%03x}s:k", n.Add(1))
		for pb.Next() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if err := commit(ctx, k, "value"); err != nil {
				b.Error(err)
			}
			cancel()
		}
	})
}

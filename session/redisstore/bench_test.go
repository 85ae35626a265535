//go:build unix

package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// Sessions of the benchmarks: their first attribute has 16 bytes and is the one
// that is read or set.
var benchSizes = []struct {
	name              string
	attributes, total int
}{{"1KB", 8, 1 << 10}, {"16KB", 32, 16 << 10}}

// bench is a session, and a bare hash with the same attributes.
type bench struct {
	store    *Store
	client   rueidis.Client
	key      session.Key
	hash     string
	verifier session.Hash
}

func newBench(b *testing.B, server *redistest.Server, attributes, total int, principal string) *bench {
	x := &bench{store: open(b, server, nil), client: bare(b, server), key: "0123456789abcdef", hash: b.Name(), verifier: session.Hash{1}}
	c := session.Change{WriteID: writeID(), NotAfter: time.Now().Add(time.Minute), Start: &session.Start{Verifier: x.verifier, Idle: time.Hour}}
	if principal != "" {
		c.SignIn = &session.SignIn{Principal: principal, Epoch: 1}
	}
	fill := x.client.B().Hset().Key(x.hash).FieldValue()
	for i := range attributes {
		value := strings.Repeat("x", (total-16)/(attributes-1))
		if i == 0 {
			value = "0123456789abcdef"
		}
		c.Ops = append(c.Ops, session.Op{Kind: session.OpSet, Name: benchName(i), Value: []byte(value)})
		fill = fill.FieldValue(benchName(i), value)
	}
	if err := x.client.Do(b.Context(), fill.Build()).Error(); err != nil {
		b.Fatal(err)
	}
	if _, err := x.store.Commit(b.Context(), x.key, c); err != nil {
		b.Fatal(err)
	}
	for range session.MaxWrites { // as in the middle of a session's life
		if err := x.load(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := x.commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

func benchName(i int) string { return "attribute" + strconv.Itoa(i) }

func writeID() string { return rand.Text()[:16] }

func (x *bench) load(ctx context.Context) error { return x.loadIn(ctx, session.CacheOff) }

func (x *bench) loadValidated(ctx context.Context) error {
	return x.loadIn(ctx, session.CacheValidated)
}

func (x *bench) loadIn(ctx context.Context, mode session.CacheMode) error {
	rec, err := x.store.Load(ctx, x.key, session.LoadOptions{Verifiers: []session.Hash{x.verifier}, Cache: mode})
	if err == nil && len(rec.Attributes["attribute0"]) != 16 {
		err = fmt.Errorf("got %q", rec.Attributes)
	}
	return err
}

func (x *bench) bareLoad(ctx context.Context) error {
	m, err := x.client.Do(ctx, x.client.B().Hgetall().Key(x.hash).Build()).AsStrMap()
	if err == nil && len(m["attribute0"]) != 16 {
		err = fmt.Errorf("got %q", m)
	}
	return err
}

func (x *bench) commit(ctx context.Context) error {
	id := writeID()
	_, err := x.store.Commit(ctx, x.key, session.Change{WriteID: id, Generation: 1, NotAfter: time.Now().Add(time.Minute),
		Ops: []session.Op{{Kind: session.OpSet, Name: "attribute0", Value: []byte(id)}}})
	return err
}

func (x *bench) bareCommit(ctx context.Context) error {
	for _, res := range x.client.DoMulti(ctx,
		x.client.B().Hset().Key(x.hash).FieldValue().FieldValue("attribute0", writeID()).Build(),
		x.client.B().Pexpire().Key(x.hash).Milliseconds(3_960_000).Build()) {
		if err := res.Error(); err != nil {
			return err
		}
	}
	return nil
}

// alternate runs the bare and the store's way in turns, with that many calls
// at once, and reports the CPU of this process and of the server for each call.
func (x *bench) alternate(b *testing.B, workers int, bare, store func(context.Context) error) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	var app, redis [2]time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	const turn = 512
	n := 0
	for ; n < b.N; n += turn {
		for i, call := range []func(context.Context) error{bare, store} {
			appBefore, redisBefore := processCPU(b), x.serverCPU(b)
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for range turn / workers {
						if err := call(ctx); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			app[i] += processCPU(b) - appBefore
			redis[i] += x.serverCPU(b) - redisBefore
		}
	}
	micros := func(d time.Duration) float64 { return float64(d) / float64(n) / 1e3 }
	b.ReportMetric(micros(app[0]), "bare-µs/op")
	b.ReportMetric(micros(app[1]), "store-µs/op")
	b.ReportMetric(float64(app[1])/float64(app[0]), "ratio")
	b.ReportMetric(micros(redis[0]), "bare-redis-µs/op")
	b.ReportMetric(micros(redis[1]), "store-redis-µs/op")
}

func processCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (x *bench) serverCPU(b *testing.B) time.Duration {
	info, err := x.client.Do(b.Context(), x.client.B().Info().Section("cpu").Build()).ToString()
	if err != nil {
		b.Fatal(err)
	}
	var sum float64
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			sum += seconds
		}
	}
	return time.Duration(sum * float64(time.Second))
}

// BenchmarkLoad is a load, of all from the server and of a copy that the server
// confirms, against rueidis' HGETALL.
func BenchmarkLoad(b *testing.B) {
	server := redistest.Start(b)
	for _, size := range benchSizes {
		for _, principal := range []string{"", "alice"} {
			for _, workers := range []int{1, 32} {
				b.Run(fmt.Sprintf("off/%s/principal=%s/%d", size.name, principal, workers), func(b *testing.B) {
					x := newBench(b, server, size.attributes, size.total, principal)
					x.alternate(b, workers, x.bareLoad, x.load)
				})
				b.Run(fmt.Sprintf("validated/%s/principal=%s/%d", size.name, principal, workers), func(b *testing.B) {
					x := newBench(b, server, size.attributes, size.total, principal)
					x.alternate(b, workers, x.bareLoad, x.loadValidated)
				})
			}
		}
	}
}

// BenchmarkCommit is a commit of one attribute against rueidis' HSET and
// PEXPIRE.
func BenchmarkCommit(b *testing.B) {
	server := redistest.Start(b)
	for _, size := range benchSizes {
		for _, workers := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/%d", size.name, workers), func(b *testing.B) {
				x := newBench(b, server, size.attributes, size.total, "")
				x.alternate(b, workers, x.bareCommit, x.commit)
			})
		}
	}
}

package sqlitestore

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// paceChild commits to a session of its own, so many times a second (0 is as
// fast as it can), for a while, and prints how long each commit took, in
// nanoseconds.
func paceChild(ctx context.Context) error {
	path, key := os.Args[1], killKey(os.Getpid())
	rate, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	if _, err := s.Commit(ctx, key, starting(set("a", randomBytes(1000)))); err != nil {
		return err
	}
	var took []time.Duration
	next := time.Now()
	for start := next; time.Since(start) < 2*time.Second; {
		if rate > 0 {
			// Open load at random times, as requests come.
			next = next.Add(time.Duration(rand.ExpFloat64() * float64(time.Second) / float64(rate)))
			time.Sleep(time.Until(next))
		}
		begin := time.Now()
		if _, err := s.Commit(ctx, key, change(set("a", randomBytes(1000)))); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	for _, d := range took {
		fmt.Println(d.Nanoseconds())
	}
	return s.Close()
}

// BenchmarkProcesses measures commits by four processes at once, each 100 per
// second and each as fast as it can. An operation is a run of two seconds.
func BenchmarkProcesses(b *testing.B) {
	for _, rate := range []int{100, 0} {
		b.Run(fmt.Sprintf("rate=%d", rate), func(b *testing.B) {
			var all []int64
			var slowest int
			for range b.N {
				took := paced(b, private(b), rate)
				slowest = len(slices.MinFunc(took, func(x, y []int64) int { return len(x) - len(y) }))
				all = append(all, slices.Concat(took...)...)
			}
			slices.Sort(all)
			for _, q := range []float64{0.5, 0.99, 1} {
				at := min(len(all)-1, int(q*float64(len(all))))
				b.ReportMetric(float64(all[at])/1e6, fmt.Sprintf("p%g-ms", q*100))
			}
			b.ReportMetric(float64(len(all))/2/float64(b.N), "commits/s")
			b.ReportMetric(float64(slowest)/2, "least-commits/s")
		})
	}
}

// paced returns the latencies of each of four processes.
func paced(b *testing.B, path string, rate int) [][]int64 {
	took := make([][]int64, 4)
	var wg sync.WaitGroup
	for p := range took {
		cmd, stderr := child(b.Context(), "pace", path, strconv.Itoa(rate))
		var out bytes.Buffer
		cmd.Stdout = &out
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				b.Errorf("%v: %s", err, stderr)
			}
			for line := range strings.Lines(out.String()) {
				n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
				if err != nil {
					b.Error(err)
				}
				took[p] = append(took[p], n)
			}
		})
	}
	wg.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return took
}

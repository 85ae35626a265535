// Command run measures evenkeel-run: the size of the binary, what it adds to
// the start of a program, and its CPU for each request.
//
//	run [-rounds 7] [-span 2s] [-out out]
//
// # Guarantees
//
//   - A request that is not answered is an error, not a figure.
//   - Starts with and without it alternate; the figure is the difference of the
//     medians.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/bench/raw"
)

type report struct {
	Machine    measure.Machine `json:"machine"`
	Bytes      int64           `json:"bytes"`
	StartMS    measure.Sample  `json:"start_ms"`       // of a program
	AddedMS    float64         `json:"start_added_ms"` // by evenkeel-run
	PerRequest measure.Sample  `json:"us_per_request"`
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "target" {
		exit(target(os.Args[2]))
	}
	rounds := flag.Int("rounds", 7, "of requests")
	span := flag.Duration("span", 2*time.Second, "of a round")
	out := flag.String("out", "out", "folder of run.json")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	exit(run(ctx, *rounds, *span, *out))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// target is the program that runs: it answers prepared bytes.
func target(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return new(raw.Server).Serve(l)
}

func run(ctx context.Context, rounds int, span time.Duration, out string) error {
	dir, err := os.MkdirTemp("", "bench-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "evenkeel-run")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "github.com/evenkeel/evenkeel/cmd/evenkeel-run")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, text)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	r := report{Machine: measure.ThisMachine(), Bytes: info.Size()}
	if err := r.starts(ctx, binary); err != nil {
		return err
	}
	if r.PerRequest, err = requests(ctx, binary, rounds, span); err != nil {
		return err
	}
	fmt.Println(r.Machine)
	measure.Table(os.Stdout, "", []string{"evenkeel-run", ""}, [][]string{
		{"size of the binary, MB", fmt.Sprintf("%.1f", float64(r.Bytes)/1e6)},
		{"a program starts in, ms", r.StartMS.String()},
		{"evenkeel-run adds, ms", fmt.Sprintf("%.1f", r.AddedMS)},
		{"CPU of a request, µs", r.PerRequest.String()},
	})
	return measure.Save(out, "run.json", r)
}

// starts measures a program that ends at once, with and without evenkeel-run.
func (r *report) starts(ctx context.Context, binary string) error {
	var with, without []float64
	for range 40 {
		for _, c := range []struct {
			to   *[]float64
			args []string
		}{{&without, []string{"true"}}, {&with, []string{binary, "--admin", "", "--", "true"}}} {
			began := time.Now()
			if err := exec.CommandContext(ctx, c.args[0], c.args[1:]...).Run(); err != nil {
				return err
			}
			*c.to = append(*c.to, float64(time.Since(began).Microseconds())/1e3)
		}
	}
	r.StartMS = measure.Of(without...)
	r.AddedMS = measure.Of(with...).Median - r.StartMS.Median
	return nil
}

// connections send requests, each waiting for its answer.
const connections = 64

func requests(ctx context.Context, binary string, rounds int, span time.Duration) (measure.Sample, error) {
	var addrs [2]string
	for i := range addrs {
		port, err := measure.FreePort(ctx)
		if err != nil {
			return measure.Sample{}, err
		}
		addrs[i] = fmt.Sprintf("127.0.0.1:%d", port)
	}
	self, err := os.Executable()
	if err != nil {
		return measure.Sample{}, err
	}
	p, err := measure.Start(ctx, binary, "--admin", "", "--listen", addrs[0], "--app", addrs[1], "--", self, "target", addrs[1])
	if err != nil {
		return measure.Sample{}, err
	}
	defer p.Stop()
	if err := p.Await(ctx, addrs[1]); err != nil {
		return measure.Sample{}, err
	}
	var us []float64
	for range rounds + 1 { // the first one warms up
		before, err := p.CPU()
		if err != nil {
			return measure.Sample{}, err
		}
		n, err := load(ctx, addrs[0], span)
		if err != nil {
			return measure.Sample{}, err
		}
		after, err := p.CPU()
		if err != nil {
			return measure.Sample{}, err
		}
		us = append(us, measure.Micros(after-before, n))
	}
	return measure.Of(us[1:]...), nil
}

func load(ctx context.Context, addr string, span time.Duration) (int64, error) {
	var mu sync.Mutex
	var total int64
	var failed error
	var all sync.WaitGroup
	end := time.Now().Add(span)
	for range connections {
		all.Go(func() {
			n, err := client(ctx, addr, end)
			mu.Lock()
			defer mu.Unlock()
			total += n
			if err != nil {
				failed = err
			}
		})
	}
	all.Wait()
	return total, failed
}

func client(ctx context.Context, addr string, end time.Time) (n int64, err error) {
	c, err := raw.Dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	request := raw.Get(addr, "/200")
	for time.Now().Before(end) {
		a, err := c.Do(request)
		if err != nil {
			return n, err
		}
		if a.Status != 200 {
			return n, fmt.Errorf("answered %d", a.Status)
		}
		n++
	}
	return n, nil
}

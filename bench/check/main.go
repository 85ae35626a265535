// Command check measures `evenkeel check` over 10,000 Kubernetes manifests: the
// time that a person waits, CPU, and the most memory.
//
//	check [-rounds 5] [-services 2500] [-out out]
//
// Each service is four files: a Deployment, its Service, its Ingress, its
// HorizontalPodAutoscaler.
//
// # Guarantees
//
//   - Every run says that it read all files, and finds the fault that one
//     service of the fleet has and no other; else there is no figure.
//   - A fleet without that fault, the control, has no finding.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

type report struct {
	Machine measure.Machine `json:"machine"`
	Files   int             `json:"files"`
	Bytes   int64           `json:"bytes"`
	Seconds measure.Sample  `json:"seconds"`
	CPU     measure.Sample  `json:"cpu_seconds"`
	PeakMB  measure.Sample  `json:"peak_mb"`
}

func main() {
	rounds := flag.Int("rounds", 5, "of the measurement")
	services := flag.Int("services", 2500, "that the manifests describe, four files each")
	out := flag.String("out", "out", "folder of check.json")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := run(ctx, *rounds, *services, *out); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds, services int, out string) error {
	dir, err := os.MkdirTemp("", "bench-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "evenkeel")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/evenkeel")
	build.Dir = ".." // the module whose requirements it has
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, text)
	}
	clean, faulty := filepath.Join(dir, "clean"), filepath.Join(dir, "faulty")
	if _, err := write(clean, services, -1); err != nil {
		return err
	}
	r := report{Machine: measure.ThisMachine(), Files: 4 * services}
	if r.Bytes, err = write(faulty, services, services/2); err != nil {
		return err
	}
	if _, err := check(ctx, binary, clean, r.Files, 0); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if err := r.measure(ctx, binary, faulty, rounds); err != nil {
		return err
	}
	fmt.Println(r.Machine)
	measure.Table(os.Stdout, "", []string{fmt.Sprintf("evenkeel check, %d files, %.1f MB", r.Files, float64(r.Bytes)/1e6), ""}, [][]string{
		{"time, s", r.Seconds.String()},
		{"CPU, s", r.CPU.String()},
		{"most memory, MB", r.PeakMB.String()},
	})
	return measure.Save(out, "check.json", r)
}

func (r *report) measure(ctx context.Context, binary, dir string, rounds int) error {
	var seconds, cpu, peak []float64
	for range rounds {
		began := time.Now()
		used, err := check(ctx, binary, dir, r.Files, 1)
		if err != nil {
			return err
		}
		seconds = append(seconds, time.Since(began).Seconds())
		cpu = append(cpu, time.Duration(used.Utime.Nano()+used.Stime.Nano()).Seconds())
		peak = append(peak, float64(used.Maxrss<<10)/1e6)
	}
	r.Seconds, r.CPU, r.PeakMB = measure.Of(seconds...), measure.Of(cpu...), measure.Of(peak...)
	return nil
}

// check runs the program once, and compares what it says with what is there.
func check(ctx context.Context, binary, dir string, files, findings int) (*syscall.Rusage, error) {
	cmd := exec.CommandContext(ctx, binary, "check", "--format", "json", "--fail-on", "none", dir)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var said struct {
		Files    int               `json:"files"`
		Findings []json.RawMessage `json:"findings"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, err
	}
	if said.Files != files || len(said.Findings) != findings {
		return nil, fmt.Errorf("%d files and %d findings, want %d and %d: %.1000s", said.Files, len(said.Findings), files, findings, said.Findings)
	}
	used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return nil, errors.New("this system does not say what a process used")
	}
	return used, nil
}

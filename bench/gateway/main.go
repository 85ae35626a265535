// Command gateway shows what the gateway promises, beside its peers: what
// proxies cost in CPU per request and in memory per idle connection, and what
// their clients see when one of three targets goes away, when gateways are
// restarted or upgraded, and when targets come and go all the time.
//
//	gateway [-only cpu,idle,scalein,restarts,churn] [-rounds 7] [-reps 3] [-out out]
//	gateway -only soak -soak 10m
//
// Each proxy is a process of its own. For CPU and memory it stands in front of
// one process that answers prepared bytes, and load comes from wrk where it is
// installed, and else from a client of ours; evenkeel does its accounting,
// keeps affinity by cookie for 64 browsers and checks the target's health, as
// package peer has it for the others. Proxies that are not there are left out,
// which is said. Restarts, upgrades and the soak are of the real command.
//
// # Guarantees
//
//   - Controls come first in each part: what must be faultless is so, and a
//     planted fault is found: a proxy that breaks one answer in a hundred, a
//     target that exits behind a proxy without retries, a gateway that is
//     killed. Where nothing happens nothing may be counted. Else there are no
//     figures.
//   - A round of CPU with a failed request is an error, not a figure.
//   - A promise of evenkeel's that was broken is named, and the exit code is 1.
//     Being slow breaks none.
//
// # Not guaranteed
//
//   - That load and proxies do not disturb each other: they share the cores.
//     CPU per request is affected far less by that than throughput, which is
//     not reported.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/evenkeel/evenkeel/bench/gateway/role"
	"github.com/evenkeel/evenkeel/bench/measure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 2 && os.Args[1] == "role" {
		exit(role.Play(ctx, os.Args[2], os.Args[3:]))
	}
	s, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(2)
	}
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	exit(run(limited, s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// report is gateway.json. What was not run is absent.
type report struct {
	Machine  measure.Machine `json:"machine"`
	Load     string          `json:"load,omitempty"`
	CPU      []figure        `json:"cpu,omitempty"`
	Idle     []idleFigure    `json:"idle,omitempty"`
	ScaleIn  []scaleIn       `json:"scale_in,omitempty"`
	Restarts []restart       `json:"restarts,omitempty"`
	Churn    *churnResult    `json:"churn,omitempty"`
	Soak     *soakResult     `json:"soak,omitempty"`
	LeftOut  []string        `json:"left_out,omitempty"`
	Broken   []string        `json:"broken,omitempty"` // promises
}

func run(ctx context.Context, s settings) (err error) {
	// SIGTERM too must remove the folder; the children die with us anyhow.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "bench-gateway-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // nginx's workers may be somebody else
		return err
	}
	rep := report{Machine: measure.ThisMachine()}
	fmt.Println(rep.Machine)
	rep.LeftOut = missing(s)
	for _, line := range rep.LeftOut {
		fmt.Println(line)
	}
	for _, p := range parts {
		if !s.wants(p.name) {
			continue
		}
		broken, err := p.run(ctx, dir, s, &rep)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		for _, b := range broken {
			if b != nil {
				rep.Broken = append(rep.Broken, b.Error())
			}
		}
	}
	if err := measure.Save(s.out, "gateway.json", rep); err != nil {
		return err
	}
	if len(rep.Broken) == 0 {
		return nil
	}
	var broken []error
	for _, b := range rep.Broken {
		broken = append(broken, errors.New(b))
	}
	return fmt.Errorf("broken promises:\n%w", errors.Join(broken...))
}

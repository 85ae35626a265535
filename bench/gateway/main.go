// Command gateway measures what proxies cost in CPU per request, and what
// their clients see when one of three targets goes away.
//
//	gateway [-rounds 5] [-span 2s] [-c512] [-out out]
//
// Each proxy is a process of its own, in front of one process that answers
// prepared bytes. Load comes from wrk where it is installed, and else from a
// client of ours. evenkeel does its accounting, keeps affinity by cookie for
// 64 browsers and checks the target's health; haproxy keeps affinity by cookie
// and checks health; Debian's nginx can do neither and marks browsers with
// userid; the httputil proxies do nothing of it. nginx and haproxy take part
// where they are installed.
//
// # Guarantees
//
//   - Controls come first: the target alone must be answered without a fault,
//     and a proxy that breaks one answer in a hundred must be found out.
//     During a scale-in nothing may fail before the event, and the proxy
//     without retries must lose requests when a target exits. Else there are
//     no figures.
//   - A round with a failed request is an error, not a figure.
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
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// limit is how long the whole may take.
const limit = 4 * time.Minute

type settings struct {
	rounds int
	span   time.Duration
	c512   bool
	out    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 2 && os.Args[1] == "role" {
		exit(play(ctx, os.Args[2], os.Args[3:]))
	}
	var s settings
	flag.IntVar(&s.rounds, "rounds", 5, "of each case")
	flag.DurationVar(&s.span, "span", 2*time.Second, "of a round")
	flag.BoolVar(&s.c512, "c512", false, "also with 512 connections")
	flag.StringVar(&s.out, "out", "out", "folder of gateway.json")
	flag.Parse()
	limited, cancel := context.WithTimeout(ctx, limit)
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

// report is gateway.json.
type report struct {
	Machine measure.Machine `json:"machine"`
	Load    string          `json:"load"`
	CPU     []figure        `json:"cpu"`
	ScaleIn []scaleIn       `json:"scale_in"`
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
	rep := report{Machine: measure.ThisMachine()}
	fmt.Println(rep.Machine)
	if rep.Load, rep.CPU, err = compare(ctx, dir, s); err != nil {
		return err
	}
	printCPU(os.Stdout, rep.CPU, rep.Load, s)
	if rep.ScaleIn, err = scaleIns(ctx); err != nil {
		return err
	}
	printScaleIn(os.Stdout, rep.ScaleIn)
	return measure.Save(s.out, "gateway.json", rep)
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/peer"
)

type settings struct {
	only, proxies []string // empty proxies are all
	rounds, reps  int
	span          time.Duration
	c512          bool
	idle          int
	churnSpan     time.Duration
	churnIdle     int
	soak          time.Duration
	evenkeel, out string
	limit         time.Duration
}

// part is one that can be chosen. It prints its table, and says which promises
// were broken.
type part struct {
	name string
	run  func(context.Context, string, settings, *report) (broken []error, err error)
}

var parts = []part{
	{"cpu", func(ctx context.Context, dir string, s settings, r *report) (broken []error, err error) {
		if r.Load, r.CPU, err = compare(ctx, dir, s); err == nil {
			printCPU(os.Stdout, r.CPU, r.Load, s)
		}
		return nil, err
	}},
	{"idle", func(ctx context.Context, dir string, s settings, r *report) (broken []error, err error) {
		if r.Idle, err = idles(ctx, dir, s); err == nil {
			printIdle(os.Stdout, r.Idle)
		}
		return nil, err
	}},
	{"scalein", func(ctx context.Context, dir string, s settings, r *report) (broken []error, err error) {
		r.ScaleIn, err = scaleIns(ctx, dir, s)
		for _, x := range r.ScaleIn {
			broken = append(broken, x.broken())
		}
		printScaleIn(os.Stdout, r.ScaleIn)
		return broken, err
	}},
	{"restarts", func(ctx context.Context, dir string, s settings, r *report) (broken []error, err error) {
		r.Restarts, err = restarts(ctx, dir, s)
		for _, x := range r.Restarts {
			broken = append(broken, x.broken())
		}
		printRestarts(os.Stdout, r.Restarts)
		return broken, err
	}},
	{"churn", func(ctx context.Context, dir string, s settings, r *report) (broken []error, err error) {
		c, err := churn(ctx, dir, s)
		if err != nil {
			return nil, err
		}
		r.Churn = &c
		printChurn(os.Stdout, c)
		return []error{c.broken()}, nil
	}},
	{"soak", func(ctx context.Context, dir string, s settings, r *report) (broken []error, err error) {
		k, err := soak(ctx, dir, s)
		if err != nil {
			return nil, err
		}
		r.Soak = &k
		printSoak(os.Stdout, k)
		return []error{k.broken()}, nil
	}},
}

func parse(args []string) (settings, error) {
	var s settings
	var only, proxies string
	f := flag.NewFlagSet("gateway", flag.ContinueOnError)
	f.StringVar(&only, "only", "cpu,idle,scalein,restarts,churn", "parts to run; also soak")
	f.StringVar(&proxies, "proxies", "", "who takes part in cpu, idle and scalein (default: everybody)")
	f.IntVar(&s.rounds, "rounds", 7, "of each case of cpu")
	f.DurationVar(&s.span, "span", 2*time.Second, "of a round")
	f.BoolVar(&s.c512, "c512", false, "cpu also with 512 connections")
	f.IntVar(&s.idle, "idle", 2000, "connections that are held")
	f.IntVar(&s.reps, "reps", 3, "of each scale-in, restart and upgrade")
	f.DurationVar(&s.churnSpan, "churn-span", 20*time.Second, "of changes, 1,000 in 60 s")
	f.IntVar(&s.churnIdle, "churn-idle", idleClients, "connections that are held meanwhile")
	f.DurationVar(&s.soak, "soak", 10*time.Minute, "of steady load")
	f.StringVar(&s.evenkeel, "evenkeel", "", "the command's binary (default: built)")
	f.StringVar(&s.out, "out", "out", "folder of gateway.json")
	f.DurationVar(&s.limit, "limit", 0, "of the whole (default: twice what it needs)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.only, s.proxies = split(only), split(proxies)
	for _, name := range s.only {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			return s, fmt.Errorf("-only %s: no such part", name)
		}
	}
	for _, name := range s.proxies {
		if !slices.Contains(append(everybody, peer.Maint), name) {
			return s, fmt.Errorf("-proxies %s: no such proxy", name)
		}
	}
	if s.rounds < 1 || s.reps < 1 || s.idle < 1 || s.churnIdle < 1 || s.churnSpan < churnRate || s.soak < 6*time.Second {
		return s, errors.New("numbers must be at least 1, -soak at least 6s")
	}
	if s.limit == 0 {
		s.limit = 2 * s.needs()
	}
	return s, nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// needs is about how long the whole takes.
func (s settings) needs() time.Duration {
	all := time.Duration(len(everybody))
	cases := time.Duration(2)
	if s.c512 {
		cases = 4
	}
	n := time.Duration(s.reps)
	d := 2 * time.Minute // builds and controls
	for name, takes := range map[string]time.Duration{
		"cpu":      all * cases * (warmUp + time.Duration(s.rounds)*(s.span+time.Second)),
		"idle":     all * time.Duration(min(idleRounds, s.rounds)) * 8 * time.Second,
		"scalein":  n * 16 * 12 * time.Second, // modes and proxies
		"restarts": n * 75 * time.Second,
		"churn":    s.churnSpan*2 + time.Minute,
		"soak":     s.soak + time.Minute,
	} {
		if s.wants(name) {
			d += takes
		}
	}
	return d
}

func (s settings) wants(part string) bool { return slices.Contains(s.only, part) }

// taking are those of the names who take part.
func (s settings) taking(names ...string) []string {
	if len(s.proxies) == 0 {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(s.proxies, name) })
}

// missing says who of those that should take part is not there.
func missing(s settings) (lines []string) {
	if !s.wants("cpu") && !s.wants("idle") && !s.wants("scalein") {
		return nil
	}
	for _, name := range append(s.taking(everybody...), peer.Traefik) {
		if err := peer.Missing(name); err != nil {
			lines = append(lines, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return lines
}

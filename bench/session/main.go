// Command session shows what session libraries lose when the requests of one
// browser overlap, and what their reads and writes cost in CPU.
//
//	session [-trials 60] [-rounds 5] [-only races,costs,browsing,staleness] [-out out]
//
// Each library serves the same small application from two instances that share
// one store. The races, each in its own session:
//
//   - writers: 20 requests at once, each sets an attribute of its own and is
//     answered 204; then the attributes are counted.
//   - reader: a request that only reads has loaded the session; meanwhile
//     another one writes and is answered; then the reader ends.
//   - logout: a request has loaded the session; meanwhile the user signs out;
//     then the request ends. Lost is a logout after which the session is there.
//   - renewal: ten requests have loaded an anonymous session; meanwhile the
//     user signs in, which renews the ID; then they end. Lost are writes that
//     were answered 204 and are not in the session of the user.
//
// The costs are CPU, of the application and of the server, by the operating
// system's accounts, in rounds that alternate between all of a case. Two levels
// are compared with the bare client library: a call of the store, and a request
// through the middleware. Browsing counts what users who only read cost the
// server in the bounded mode. Staleness looks for reads that do not show what
// was acknowledged before them.
//
// Races but the first are brought about by holding a request between its load
// and its end, so that they do not depend on luck.
//
// # Guarantees
//
//   - Control and fault run first: a session that is a hash and is changed by
//     small scripts must lose nothing, one that is loaded and saved as a whole
//     must lose something in each race. Else there are no figures.
//   - Trials alternate between the libraries.
//
// # Not guaranteed
//
//   - That races other than these are as harmless.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// limit is how long the whole may take; it takes far less.
const limit = 12 * time.Minute

func main() {
	trials := flag.Int("trials", 60, "of each race")
	rounds := flag.Int("rounds", 5, "of each figure of CPU")
	out := flag.String("out", "out", "folder of session.json")
	only := flag.String("only", "", "parts, with commas: races, costs, browsing, staleness (default: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s := settings{trials: *trials, rounds: *rounds, out: *out}
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "session:", err)
		os.Exit(1)
	}
}

// report is session.json.
type report struct {
	Machine   measure.Machine `json:"machine"`
	Controls  []tally         `json:"controls,omitempty"`
	Lost      []tally         `json:"lost_updates,omitempty"`
	CPU       []cost          `json:"cpu,omitempty"`
	Bytes     []sent          `json:"bytes,omitempty"`
	Browsing  *browsing       `json:"browsing,omitempty"`
	Staleness []stale         `json:"staleness,omitempty"`
	Lease     *lease          `json:"lease,omitempty"`
}

// settings are the flags.
type settings struct {
	trials, rounds int
	out            string
	only           []string // parts; none is all
}

func (s settings) wants(part string) bool { return len(s.only) == 0 || slices.Contains(s.only, part) }

// parts are the names that -only takes.
var parts = []string{"races", "costs", "browsing", "staleness"}

func run(ctx context.Context, s settings) (err error) {
	for _, part := range s.only {
		if !slices.Contains(parts, part) {
			return fmt.Errorf("-only %s: there are %s", part, strings.Join(parts, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "bench-session-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := startRedis(ctx, dir)
	if err != nil {
		return err
	}
	defer server.Stop()
	rep := report{Machine: measure.ThisMachine()}
	fmt.Println(rep.Machine)
	for _, part := range parts {
		if s.wants(part) {
			if err := rep.do(ctx, part, server, dir, s); err != nil {
				return fmt.Errorf("%s: %w", part, err)
			}
		}
	}
	return measure.Save(s.out, "session.json", rep)
}

// do measures one part and prints it.
func (rep *report) do(ctx context.Context, part string, server *redisServer, dir string, s settings) (err error) {
	switch part {
	case "races":
		return rep.races(ctx, environment{redis: server.addr, dir: dir}, s.trials)
	case "costs":
		if rep.CPU, rep.Bytes, err = costs(ctx, server, s.rounds); err == nil {
			printCosts(os.Stdout, rep.CPU, rep.Bytes, s.rounds)
		}
	case "browsing":
		var b browsing
		if b, err = browse(ctx, server.addr); err == nil {
			rep.Browsing = &b
			printBrowsing(os.Stdout, b)
		}
	case "staleness":
		if rep.Staleness, err = staleness(ctx, server.addr, staleTrials); err != nil {
			return err
		}
		var l lease
		if l, err = vanish(ctx, server.addr); err == nil {
			rep.Lease = &l
			printStaleness(os.Stdout, rep.Staleness, l)
		}
	}
	return err
}

func (rep *report) races(ctx context.Context, e environment, trials int) (err error) {
	if rep.Controls, err = raceAll(ctx, e, []library{control, fault}, controlTrials(trials)); err != nil {
		return err
	}
	if err = judge(rep.Controls); err != nil {
		return err
	}
	if rep.Lost, err = raceAll(ctx, e, peers, trials); err == nil {
		printLost(os.Stdout, append(rep.Controls, rep.Lost...), trials)
	}
	return err
}

// controlTrials are as many as show that the harness works.
func controlTrials(trials int) int { return max(trials/6, 5) }

// judge fails if the control lost anything or the fault was not found.
func judge(tallies []tally) error {
	var errs []error
	for _, t := range tallies {
		switch {
		case t.Acked == 0:
			errs = append(errs, fmt.Errorf("%s: %s: nothing was acknowledged", t.Library, t.title()))
		case t.Library == control.name && t.bad() > 0:
			errs = append(errs, fmt.Errorf("%s: %s: the control lost %d of %d: the harness is wrong", t.Library, t.title(), t.bad(), t.Acked))
		case t.Library == fault.name && t.Lost == 0:
			errs = append(errs, fmt.Errorf("%s: %s: the planted fault was not found", t.Library, t.title()))
		}
	}
	return errors.Join(errs...)
}

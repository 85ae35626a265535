// Command session shows what session libraries lose when the requests of one
// browser overlap, and what their reads and writes cost in CPU.
//
//	session [-trials 60] [-rounds 5] [-out out]
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
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// limit is how long the whole may take; it takes far less.
const limit = 4 * time.Minute

func main() {
	trials := flag.Int("trials", 60, "of each race")
	rounds := flag.Int("rounds", 5, "of each figure of CPU")
	out := flag.String("out", "out", "folder of session.json")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, *trials, *rounds, *out); err != nil {
		fmt.Fprintln(os.Stderr, "session:", err)
		os.Exit(1)
	}
}

// report is session.json.
type report struct {
	Machine  measure.Machine `json:"machine"`
	Controls []tally         `json:"controls"`
	Lost     []tally         `json:"lost_updates"`
	CPU      []cost          `json:"cpu"`
}

func run(ctx context.Context, trials, rounds int, out string) (err error) {
	dir, err := os.MkdirTemp("", "bench-session-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	redis, err := startRedis(ctx, dir)
	if err != nil {
		return err
	}
	defer redis.Stop()

	rep := report{Machine: measure.ThisMachine()}
	fmt.Println(rep.Machine)
	e := environment{redis: redis.addr, dir: dir}
	if rep.Controls, err = raceAll(ctx, e, []library{control, fault}, controlTrials(trials)); err != nil {
		return err
	}
	if err := judge(rep.Controls); err != nil {
		return err
	}
	if rep.Lost, err = raceAll(ctx, e, peers, trials); err != nil {
		return err
	}
	if rep.CPU, err = costs(ctx, dir, rounds); err != nil {
		return err
	}
	printLost(os.Stdout, append(rep.Controls, rep.Lost...), trials)
	printCosts(os.Stdout, rep.CPU, rounds)
	return measure.Save(out, "session.json", rep)
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

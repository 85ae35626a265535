package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/probe"
)

// drillIO is where a drill writes: Out the words and the result, Err the words
// where Out is for the result.
type drillIO struct{ Out, Err io.Writer }

// rateValue is operations per second as a flag: 1000/s or 1000.
type rateValue float64

func (r *rateValue) String() string {
	if *r == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*r), 'f', -1, 64) + "/s"
}
func (r *rateValue) Type() string { return "rate" }

func (r *rateValue) Set(s string) error {
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64)
	if err != nil || !(v > 0) || v > 1e6 {
		return errors.New("allowed are 1/s to 1000000/s")
	}
	*r = rateValue(v)
	return nil
}

// secretVariable is where the probe's secret is, unless something else is said.
const secretVariable = "EVENKEEL_PROBE_SECRET"

// unconfigured is the drill of a service that has the probe and nothing else
// is known of.
func unconfigured() *plan.Plan {
	return &plan.Plan{
		Users: 50, Pace: engine.Pace{Rate: 100}, Duration: time.Minute, Control: 15 * time.Second,
		Dialect: engine.Probe{}, Tier: check.TierProbe,
	}
}

// load reads the file, if there is one; path is "" if there is none.
func (flags *drillFlags) load() (p *plan.Plan, path string, err error) {
	path = flags.config
	if path == "" {
		path, err = config.FindUp("drill.yaml", ".")
		if errors.Is(err, fs.ErrNotExist) {
			if flags.target == "" {
				return nil, "", errors.New("what to drill: give --target URL, or a drill.yaml with -c (`evenkeel drill init URL` writes one)")
			}
			return unconfigured(), "", nil
		}
		if err != nil {
			return nil, "", err
		}
	}
	p, err = plan.Load(path)
	return p, path, err
}

// prepare makes of the file and the flags what can be run, or says what is
// wrong. It starts nothing.
func (flags *drillFlags) prepare(w drillIO) (*drilling, error) {
	if err := flags.checkFiles(); err != nil {
		return nil, err
	}
	p, path, err := flags.load()
	if err != nil {
		return nil, err
	}
	if err := flags.over(p, path); err != nil {
		return nil, err
	}
	d := &drilling{plan: p, file: path, flags: flags, io: w, seed: flags.seed}
	if d.seed == 0 {
		d.seed = rand.Uint64()>>12 | 1 // JSON's numbers hold 53 bits
	}
	if d.allowed, err = parseIDs(slices.Concat(p.Allow, flags.allow)); err != nil {
		return nil, err
	}
	return d, d.equip()
}

// checkFiles refuses files that cannot be written at the end.
func (flags *drillFlags) checkFiles() error {
	toStdout := ""
	for _, f := range flags.files() {
		if f.path == "-" && toStdout != "" {
			return fmt.Errorf("--%s -: --%s - has standard output already", f.flag, toStdout)
		}
		if f.path == "-" {
			toStdout = f.flag
		}
		if err := report.Writable(f.path); err != nil {
			return fmt.Errorf("--%s %s: %w", f.flag, f.path, err)
		}
	}
	if flags.history != "" {
		if err := os.MkdirAll(flags.history, 0o755); err != nil {
			return fmt.Errorf("--history: %w", err)
		}
	}
	return nil
}

// over puts the flags over the file's values.
func (flags *drillFlags) over(p *plan.Plan, path string) error {
	if flags.target != "" {
		p.Targets = []string{flags.target}
	}
	if flags.users < 0 || flags.users > 1_000_000 {
		return fmt.Errorf("--users %d: must be 1 to 1000000", flags.users)
	}
	if flags.users > 0 {
		p.Users = flags.users
	}
	if flags.rate > 0 {
		p.Pace.Rate, p.Pace.Think = float64(flags.rate), 0
	}
	if flags.length < 0 {
		return fmt.Errorf("--for %v: must not be negative", flags.length)
	}
	if flags.length > 0 {
		if flags.length < p.Duration { // what is shorter has a shorter beginning
			p.Control = min(p.Control, flags.length/4)
		}
		p.Duration = flags.length
	}
	if err := checkLength(p); err != nil {
		return err
	}
	return flags.secret(p, path)
}

// checkLength refuses a drill in which nothing could happen.
func checkLength(p *plan.Plan) error {
	switch {
	case p.Duration < shortestDrill:
		return fmt.Errorf("--for %v: must be at least %v", p.Duration, shortestDrill)
	case p.Control > p.Duration:
		return fmt.Errorf("--for %v: the control phase alone takes %v", p.Duration, p.Control)
	case len(p.Events.Do) > 0 && p.Control+drill.LastEvent > p.Duration:
		return fmt.Errorf("--for %v: no event would happen: the first is due after %v, and the last may begin %v before the end", p.Duration, p.Control, drill.LastEvent)
	}
	return nil
}

const shortestDrill = 2 * time.Second

// secret gives the probe its secret, where there is a probe.
func (flags *drillFlags) secret(p *plan.Plan, path string) error {
	d, ok := p.Dialect.(engine.Probe)
	if !ok {
		if flags.secretEnv != "" {
			return fmt.Errorf("--probe-secret-env %s: %s has no probe", flags.secretEnv, path)
		}
		return nil
	}
	name := flags.secretEnv
	if name == "" && d.Secret == "" {
		name = secretVariable
	}
	if name != "" {
		d.Secret = os.Getenv(name)
	}
	switch {
	case d.Secret == "":
		return fmt.Errorf("the probe's secret is missing: set %s to what the service has", name)
	case len(d.Secret) < probe.MinSecret:
		return fmt.Errorf("the probe's secret%s has %d bytes, and a probe takes none below %d", in(name), len(d.Secret), probe.MinSecret)
	}
	p.Dialect = d
	return nil
}

func in(variable string) string {
	if variable == "" {
		return ""
	}
	return " in " + variable
}

// parseIDs reads G1 to G12.
func parseIDs(names []string) ([]check.ID, error) {
	var ids []check.ID
	for _, name := range names {
		id, ok := check.ParseID(strings.ToUpper(strings.TrimSpace(name)))
		if !ok {
			return nil, fmt.Errorf("--allow-unexercised %s: allowed are G1 to G12", name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

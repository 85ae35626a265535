package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
)

// announce says in plain words what comes next.
func (d *demo) announce(p phase) {
	out := d.text()
	fmt.Fprintf(out, "\n%s, for %v\n", p.strategy.Name, p.length.Round(100*time.Millisecond))
	for _, l := range screen.Wrap(p.strategy.Sentence(), 78) {
		fmt.Fprintln(out, "  "+l)
	}
	fmt.Fprintf(out, "  %s users shop; every %v a replica of the shop comes, goes or is killed.\n", screen.Thousands(d.opt.Users), d.opt.Every)
	if address := d.address(); address != "" {
		fmt.Fprintf(out, "  Shop and watch: %s\n", address)
	}
	fmt.Fprintln(out)
}

// tell says what became of the users of a phase.
func (d *demo) tell(a act) {
	v := d.final(a)
	for _, l := range screen.Wrap(fmt.Sprintf("%s, %s requests: %s", a.strategy.Name, screen.Thousands(v.sent), v.verdict()), 80) {
		fmt.Fprintln(d.text(), l)
	}
}

// final is the view at the end of a phase, when everything is decided.
func (d *demo) final(a act) view {
	o := a.result.Outcome
	undone := 0
	for _, id := range []check.ID{check.G2, check.G3, check.G4, check.G5} {
		undone += o.Guarantee(id).Bad
	}
	return view{
		over: true, strategy: a.strategy, sent: o.Requests.Sent, lost: o.Guarantee(check.G1).Bad, undone: undone,
		failed: o.Requests.Seen, atKills: o.Requests.SeenAtKills,
	}
}

// report is an act as reports show it.
func (d *demo) report(a act) report.Result {
	r := a.result.Report(check.RequiredDemo(), nil)
	r.Strategy, r.Users, r.Verdict = a.strategy.Name, d.opt.Users, a.verdict
	r.Started, r.Control, r.Series = a.started, d.opt.Control, a.series
	r.Config = []report.Setting{
		{Name: "strategy", Value: a.strategy.Sentence()},
		{Name: "users", Value: screen.Thousands(d.opt.Users)},
		{Name: "an event every", Value: d.opt.Every.String()},
		{Name: "seed", Value: fmt.Sprint(d.opt.Seed)},
	}
	return r
}

// conclude tells the verdict, writes the result, and returns the exit code.
func (d *demo) conclude(acts []act) (int, error) {
	last := acts[len(acts)-1]
	if d.opt.Strategy == "" && len(acts) == 2 && acts[0].result.Outcome.Guarantee(check.G1).Bad == 0 {
		o := &last.result.Outcome
		o.Inconclusive = append(o.Inconclusive, acts[0].strategy.Name+" lost nothing either, so this run shows no difference")
		last.verdict = check.Judge(*o, check.RequiredDemo(), nil)
	}
	result := d.report(last)
	out := d.text()
	if d.opt.Strategy == "all" {
		var all []report.Result
		for _, a := range acts {
			all = append(all, d.report(a))
		}
		fmt.Fprintln(out)
		fmt.Fprint(out, report.Table(all))
	}
	fmt.Fprintln(out)
	fmt.Fprint(out, report.Text(result))
	if err := d.write(result); err != nil {
		return exitUsage, err
	}
	fmt.Fprintln(out)
	for _, a := range acts {
		d.tell(a)
	}
	fmt.Fprintf(out, "verdict: %s\n", strings.ReplaceAll(string(result.Verdict), "_", " "))
	return result.Verdict.ExitCode(), nil
}

// write writes the files that were asked for.
func (d *demo) write(result report.Result) error {
	if d.opt.JSON != "" {
		if err := report.WriteFile(d.opt.JSON, d.io.Out, result); err != nil {
			return fmt.Errorf("--json: %w", err)
		}
	}
	if d.opt.HTML != "" {
		if err := report.WriteHTML(d.opt.HTML, d.io.Out, result); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		if d.opt.HTML != "-" {
			fmt.Fprintf(d.text(), "\nThe report with all details: %s\n", d.opt.HTML)
		}
	}
	return nil
}

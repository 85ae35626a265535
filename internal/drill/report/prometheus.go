package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// Prometheus writes the figures of a run in Prometheus' text format, for a
// textfile collector or a push gateway. The text of others is in no label but
// strategy.
func Prometheus(w io.Writer, r Result) error {
	p := &metrics{strategy: r.Strategy}
	p.family("verdict", "Verdict of the drill: 1 for the one it came to.", "gauge")
	for _, v := range []check.Verdict{check.VerdictPass, check.VerdictFail, check.VerdictEventFailed, check.VerdictInconclusive, check.VerdictNotExercised} {
		p.sample(boolean(v == r.Verdict), "verdict", string(v))
	}
	p.one("duration_seconds", "Length of the drill.", r.Outcome.Duration.Seconds())
	p.one("users", "Virtual users.", float64(r.Users))
	if !r.Started.IsZero() {
		p.one("start_timestamp_seconds", "When the drill began, in Unix time.", float64(r.Started.UnixMilli())/1000)
	}
	p.guarantees(r.Outcome.Guarantees)
	p.requests(r.Outcome)
	p.one("limited_ratio", "Share of the time in which the drill itself was late.", r.Outcome.Limited)
	p.one("lateness_p999_seconds", "99.9th percentile of the lateness of the drill's own timer.", r.Health.LatenessP999.Seconds())
	p.one("cpu_ratio", "Share of the cores that the drill may use.", r.Health.CPU)
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("prometheus: %w", err)
	}
	return nil
}

type metrics struct {
	strings.Builder
	name     string // of the family being written
	strategy string
}

func (p *metrics) family(name, help, kind string) {
	p.name = "evenkeel_drill_" + name
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", p.name, help, p.name, kind)
}

var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// sample writes one value; labels are names and values in turn.
func (p *metrics) sample(value float64, labels ...string) {
	if p.strategy != "" {
		labels = append(labels, "strategy", clip(p.strategy, 60))
	}
	p.WriteString(p.name)
	for i := 0; i+1 < len(labels); i += 2 {
		open := ","
		if i == 0 {
			open = "{"
		}
		p.WriteString(open + labels[i] + `="` + labelEscaper.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		p.WriteByte('}')
	}
	p.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

func (p *metrics) one(name, help string, value float64) {
	p.family(name, help, "gauge")
	p.sample(value)
}

// guarantees has no bounds where nothing is known: absent is not zero.
func (p *metrics) guarantees(rows []check.Guarantee) {
	each := func(name, help string, value func(check.Guarantee) (float64, bool)) {
		p.family(name, help, "gauge")
		for _, g := range rows {
			if v, ok := value(g); ok {
				p.sample(v, "guarantee", g.ID.String())
			}
		}
	}
	each("guarantee_exercised", "1 where the guarantee was put to the test.", func(g check.Guarantee) (float64, bool) {
		return boolean(g.Status != check.NotExercised), true
	})
	tested := func(of func(check.Guarantee) float64) func(check.Guarantee) (float64, bool) {
		return func(g check.Guarantee) (float64, bool) { return of(g), g.Status != check.NotExercised }
	}
	each("exposures", "How often the guarantee was put to the test.", tested(func(g check.Guarantee) float64 { return float64(g.Exposed) }))
	each("violations", "How often the guarantee was broken.", tested(func(g check.Guarantee) float64 { return float64(g.Bad) }))
	each("violations_unattributed", "Violations while the drill itself was late, which do not count.",
		tested(func(g check.Guarantee) float64 { return float64(g.Unattributed) }))
	each("bound_exposures_ratio", "95 % upper bound of the share of bad exposures; 1 is no bound.", tested(func(g check.Guarantee) float64 { return g.BoundSession }))
	each("bound_events_ratio", "95 % upper bound of the share of bad events; 1 is no bound.", tested(func(g check.Guarantee) float64 { return g.BoundEvent }))
}

func (p *metrics) requests(o check.Outcome) {
	q := o.Requests
	p.family("requests", "Requests by what became of them; failed ones are masked or seen, those at kills are among the seen.", "gauge")
	for _, of := range []struct {
		name string
		n    int
	}{{"sent", q.Sent}, {"failed", q.RawFailures}, {"masked", q.Masked}, {"seen", q.Seen}, {"seen_at_kills", q.SeenAtKills}, {"late", q.Late}, {"shed", q.Shed}} {
		p.sample(float64(of.n), "outcome", of.name)
	}
	counts := map[string]int{}
	for _, e := range o.Events {
		switch {
		case e.Err != "":
			counts["error"]++
		case badOf(e) > 0:
			counts["harmful"]++
		default:
			counts["harmless"]++
		}
	}
	p.family("events", "Events by what they did.", "gauge")
	for _, name := range []string{"harmless", "harmful", "error"} {
		p.sample(float64(counts[name]), "result", name)
	}
}

func boolean(set bool) float64 {
	if set {
		return 1
	}
	return 0
}

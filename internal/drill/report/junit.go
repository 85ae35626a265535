package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

type junitSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     string     `xml:"time,attr"`
	Suite    junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`
	Out       junitText   `xml:"system-out"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitSkipped `xml:"skipped"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",cdata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

// JUnit writes the result as a CI reads tests: a case for each guarantee, and
// one for the run as a whole, which has an error where the run proves nothing,
// so that a pipeline is not green by skipping.
func JUnit(w io.Writer, r Result) error {
	s := junitSuite{Name: "evenkeel drill", Time: junitTime(r.Outcome.Duration), Out: junitText{Text(r)}}
	if r.Strategy != "" {
		s.Name += ": " + clip(r.Strategy, 60)
	}
	if !r.Started.IsZero() {
		s.Timestamp = r.Started.UTC().Format("2006-01-02T15:04:05")
	}
	for _, g := range r.Outcome.Guarantees {
		s.add(guaranteeCase(r, g))
	}
	s.add(runCase(r))
	all := junitSuites{Name: "evenkeel drill", Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Time: s.Time, Suite: s}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	return nil
}

func (s *junitSuite) add(c junitCase) {
	c.Class = "evenkeel.drill"
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func guaranteeCase(r Result, g check.Guarantee) junitCase {
	c := junitCase{Name: fmt.Sprintf("%v %s", g.ID, g.ID.Name()), Time: junitTime(0)}
	switch {
	case g.Status == check.Fail:
		c.Failure = &junitProblem{Message: harmed(g.ID, g.Bad), Type: "violation", Text: "\n" + evidence(r, g.ID)}
	case g.Status == check.NotExercised:
		c.Skipped = &junitSkipped{"not exercised"}
	case r.Verdict == check.VerdictInconclusive:
		c.Error = &junitProblem{Message: "inconclusive: " + clip(why(r), maxWhy), Type: string(r.Verdict)}
	}
	return c
}

// evidence is the first violations of a guarantee, whose they are, and what to
// look at.
func evidence(r Result, id check.ID) string {
	var b text
	shown := 0
	for _, v := range r.Outcome.Violations {
		if v.Guarantee == id && shown < maxPerKind {
			b.wrap("", violationLine(v))
			shown++
		}
	}
	return b.String()
}

func runCase(r Result) junitCase {
	c := junitCase{Name: "the run", Time: junitTime(r.Outcome.Duration)}
	switch r.Verdict {
	case check.VerdictPass:
	case check.VerdictFail:
		c.Failure = &junitProblem{Message: clip(why(r), maxWhy), Type: string(r.Verdict), Text: "\n" + strings.Join(Hints(r), "\n") + "\n"}
	case check.VerdictEventFailed, check.VerdictInconclusive, check.VerdictNotExercised:
		c.Error = &junitProblem{Message: clip(why(r), maxWhy), Type: string(r.Verdict)}
	default:
		c.Error = &junitProblem{Message: "no verdict", Type: clip(string(r.Verdict), 40)}
	}
	return c
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

package report

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

type testSuites struct {
	XMLName  xml.Name  `xml:"testsuites"`
	Name     string    `xml:"name,attr"`
	Tests    int       `xml:"tests,attr"`
	Failures int       `xml:"failures,attr"`
	Errors   int       `xml:"errors,attr"`
	Suite    testSuite `xml:"testsuite"`
}

type testSuite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Cases    []testCase `xml:"testcase"`
	Out      string     `xml:"system-out"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *problem `xml:"failure"`
	Error   *problem `xml:"error"`
	Skipped *problem `xml:"skipped"`
	Out     string   `xml:"system-out,omitempty"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// junit writes a test for each file without findings and one for each finding:
// failed from FailOn upwards, passed with a text below. What could not be read
// is an error, what somebody suppressed is skipped.
func junit(w io.Writer, r Report) error {
	s := testSuite{Name: "evenkeel check", Out: r.summary()}
	found := map[string]bool{}
	for _, f := range r.Findings {
		found[f.Node.Pos().File] = true
		c := testCase{Class: f.Node.Pos().File, Name: caseName(f)}
		said := fmt.Sprintf("%s: %s\n%s\n%s\n%s\n", f.Node.Pos(), f.Message, f.Arithmetic, f.Rule.Fix, URL(f.Rule))
		if r.FailOn != "" && f.Severity.AtLeast(r.FailOn) {
			c.Failure = &problem{f.Message, f.Rule.ID, said}
			s.Failures++
		} else {
			c.Out = said
		}
		s.Cases = append(s.Cases, c)
	}
	for _, f := range r.Suppressed {
		s.Cases = append(s.Cases, testCase{Class: f.Node.Pos().File, Name: caseName(f.Finding), Skipped: &problem{Message: "suppressed: " + f.Reason}})
		s.Skipped++
	}
	for _, n := range r.Notes {
		if n.Failed {
			s.Cases = append(s.Cases, testCase{Class: n.File, Name: "is read", Error: &problem{Message: fmt.Sprintf("line %d: %s", n.Line, n.Message)}})
			s.Errors++
		}
	}
	for _, f := range r.Files {
		if !found[f.Name] && f.Derived == "" {
			s.Cases = append(s.Cases, testCase{Class: f.Name, Name: "has no finding"})
		}
	}
	s.Tests = len(s.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(testSuites{Name: s.Name, Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Suite: s}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func caseName(f rule.Finding) string {
	pos := f.Node.Pos()
	return fmt.Sprintf("%s %s %d:%d", f.Rule.ID, f.Severity, pos.Line, pos.Column)
}

// Package rule is what a rule of the catalogue is, what it finds, and how it is
// run. Rules do no I/O.
//
//	findings := rule.Run(m, rules.All())
//
// Guarantees: a rule's finding has a place, and where numbers are compared the
// arithmetic with the numbers that were found; a missing or undecidable value
// raises no error.
package rule

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Severity is how bad a finding is.
type Severity string

const (
	Error Severity = "error" // users lose sessions or requests
	Warn  Severity = "warn"  // they do when something else comes along
	Info  Severity = "info"  // worth knowing
)

// Less is one grade less; of info it is info.
func (s Severity) Less() Severity {
	if s == Error {
		return Warn
	}
	return Info
}

// AtLeast reports whether s is as bad as t or worse.
func (s Severity) AtLeast(t Severity) bool { return s.rank() >= t.rank() }

func (s Severity) rank() int {
	switch s {
	case Error:
		return 3
	case Warn:
		return 2
	case Info:
		return 1
	}
	return 0
}

// Autofix says whether a rule's findings can be mended by the program.
type Autofix string

const (
	Safe   Autofix = "safe"   // one right answer that breaks nothing
	Guided Autofix = "guided" // a person has to choose
	No     Autofix = "no"
)

// Rule is one thing to look for. ID, Severity and Autofix are those of the
// catalogue.
type Rule struct {
	ID       string
	Severity Severity
	Autofix  Autofix
	Surface  string   // what it looks at: "Kubernetes pod template"
	Title    string   // one line, what is wrong
	Why      string   // what users notice
	Fix      string   // what to do
	Sources  []string // of facts and defaults: documents, source files, measurements
	// YieldsTo are rules that say the same of the same subject more exactly:
	// where one of them finds something this one is silent.
	YieldsTo []string
	Check    func(*Pass)
}

// Pass is one run of one rule.
type Pass struct {
	*model.Model
	rule *Rule
	out  *[]Finding
}

// Finding is one place where a rule applies.
type Finding struct {
	Rule       *Rule
	Severity   Severity       // the rule's unless it is set
	Node       *tree.Node     // where
	Subject    string         // whom it is about, for YieldsTo: Deployment default/shop
	Service    *model.Service // whose way out the report draws; may be nil
	Message    string
	Arithmetic string  // "preStop 15 s + requests 30 s + margin 5 s = 50 s > terminationGracePeriodSeconds 30 s"
	Fix        *Change // what mends it; nil: a person has to
}

// Change mends a finding.
type Change struct {
	Title string // "set terminationGracePeriodSeconds to 50"
	Edits []edit.Edit
	// Asks are what a person has to choose from, for guided fixes; Edits is
	// empty then.
	Asks []Choice
}

// Choice is one answer to a guided fix.
type Choice struct {
	Title string
	Edits []edit.Edit
}

// Severity is the rule's own.
func (p *Pass) Severity() Severity { return p.rule.Severity }

// Report adds a finding.
func (p *Pass) Report(f Finding) {
	f.Rule = p.rule
	if f.Severity == "" {
		f.Severity = p.rule.Severity
	}
	if f.Node == nil {
		panic(fmt.Sprintf("rule: %s reports a finding without a place: %s", p.rule.ID, f.Message))
	}
	if f.Subject == "" && f.Service != nil {
		f.Subject = f.Service.String()
	}
	*p.out = append(*p.out, f)
}

// Run applies rules to m. A rule that yields is silent where its betters spoke.
func Run(m *model.Model, all []*Rule) []Finding {
	var out []Finding
	for _, r := range all {
		r.Check(&Pass{Model: m, rule: r, out: &out})
	}
	return yield(out)
}

func yield(all []Finding) []Finding {
	type said struct{ rule, subject string }
	spoken := map[said]bool{}
	for _, f := range all {
		spoken[said{f.Rule.ID, f.Subject}] = true
	}
	kept := all[:0]
	for _, f := range all {
		silent := false
		for _, better := range f.Rule.YieldsTo {
			silent = silent || f.Subject != "" && spoken[said{better, f.Subject}]
		}
		if !silent {
			kept = append(kept, f)
		}
	}
	return kept
}

package audit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// badGrace finds grace periods below 50 and mends them.
var badGrace = &rule.Rule{ID: "EK-T-001", Severity: rule.Error, Autofix: rule.Safe, Title: "too short", Check: func(p *rule.Pass) {
	for _, o := range p.Kube.Objects {
		eachNode(o.Root, func(n *tree.Node) {
			if n.Key != "terminationGracePeriodSeconds" || n.Text() == "50" {
				return
			}
			p.Report(rule.Finding{Node: n, Subject: o.String(), Message: "too short: " + n.Text(),
				Fix: &rule.Change{Title: "set it to 50", Edits: edit.Set(n, "50")}})
		})
	}
}}

// noOwner finds objects without an owner, and asks who it is.
var noOwner = &rule.Rule{ID: "EK-T-002", Severity: rule.Info, Autofix: rule.Guided, Title: "no owner", Check: func(p *rule.Pass) {
	for _, o := range p.Kube.Objects {
		meta := o.Root.Get("metadata")
		if meta.Get("labels", "owner") != nil || o.Root.Get("metadata", "name") == nil {
			continue
		}
		var asks []rule.Choice
		for _, who := range []string{"anna", "bob"} {
			asks = append(asks, rule.Choice{Title: who, Edits: edit.Insert(meta, edit.Entry{Key: "labels", Children: []edit.Entry{{Key: "owner", Value: who}}})})
		}
		p.Report(rule.Finding{Node: o.NameNode(), Subject: o.String(), Message: "nobody owns it", Fix: &rule.Change{Title: "say who", Asks: asks}})
	}
}}

func eachNode(n *tree.Node, f func(*tree.Node)) {
	f(n)
	for _, c := range n.Items {
		eachNode(c, f)
	}
}

var today = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// checked runs the planted rules over files NAME, TEXT, ….
func checked(t *testing.T, opt Options, files ...string) *Result {
	t.Helper()
	parsed, notes := parsedFiles(t, files...)
	if opt.Rules == nil {
		opt.Rules = []*rule.Rule{badGrace}
	}
	opt.Now = today
	return check(parsed, notes, opt)
}

func parsedFiles(t *testing.T, files ...string) (parsed []*tree.File, notes []tree.Note) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		format, ok := source.FormatOf(files[i])
		if !ok {
			t.Fatalf("no format of %s", files[i])
		}
		f, n := source.Parse(files[i], format, []byte(files[i+1]))
		notes = append(notes, n...)
		if f != nil {
			parsed = append(parsed, f)
		}
	}
	return parsed, notes
}

const pod = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  annotations: {ANNOTATION}
spec:
  template:
    metadata:
      annotations: {TEMPLATE}
    spec:
      # first
      # ABOVE
      terminationGracePeriodSeconds: 30 # ON
`

// podWith fills the places of pod.
func podWith(pairs ...string) string {
	filled := strings.NewReplacer(pairs...).Replace(pod)
	return strings.NewReplacer("ANNOTATION", "a: b", "TEMPLATE", "a: b", "ABOVE", "nothing", "ON", "nothing").Replace(filled)
}

func TestSuppress(t *testing.T) {
	for _, c := range []struct {
		name, text string
		suppressed bool
		notes      string
	}{
		{"nothing", podWith(), false, ""},
		{"on the line", podWith("ON", "evenkeel:ignore EK-T-001 reason=legacy"), true, ""},
		{"above", podWith("ABOVE", "evenkeel:ignore EK-T-001 reason=a long one until=2027-01-01"), true, ""},
		{"above, comments between", podWith("first", "evenkeel:ignore EK-T-001 reason=legacy"), true, ""},
		{"until today", podWith("ON", "evenkeel:ignore EK-T-001 reason=x until=2026-06-01"), true, ""},
		{"ended", podWith("ON", "evenkeel:ignore EK-T-001 reason=x until=2026-05-31"), false, "x.yaml:13: evenkeel:ignore EK-T-001 ended on 2026-05-31\n"},
		{"not a date", podWith("ON", "evenkeel:ignore EK-T-001 reason=x until=soon"), false, "x.yaml:13: evenkeel:ignore is not obeyed: until=soon is not a date such as 2027-01-31\n"},
		{"no reason", podWith("ON", "evenkeel:ignore EK-T-001"), true, "x.yaml:13: evenkeel:ignore EK-T-001 gives no reason; add reason=…\n"},
		{"a reason without its name", podWith("ON", "evenkeel:ignore EK-T-001 because"), true, "x.yaml:13: evenkeel:ignore EK-T-001 gives no reason; add reason=…\n"},
		{"no rule", podWith("ON", "evenkeel:ignore reason=x"), false, "x.yaml:13: evenkeel:ignore names no rule; write evenkeel:ignore EK-K8S-001 reason=…\n"},
		{"another rule", podWith("ON", "evenkeel:ignore EK-T-009 reason=x"), false, "x.yaml:13: evenkeel:ignore EK-T-009: there is no such rule\n"},
		{"two rules", podWith("ON", "evenkeel:ignore EK-T-001, EK-T-009 reason=x"), true, "x.yaml:13: evenkeel:ignore EK-T-009: there is no such rule\n"},
		{"on another line", podWith("a: b", "evenkeel:ignore EK-T-001 reason=x"), false, ""},
		{"below", podWith() + "# evenkeel:ignore EK-T-001 reason=x\n", false, "x.yaml:14: evenkeel:ignore EK-T-001 suppresses nothing here\n"},
		{"on the object", podWith("ANNOTATION", `evenkeel.dev/ignore: "EK-T-001 reason=legacy"`), true, ""},
		{"on the pod template", podWith("TEMPLATE", `evenkeel.dev/ignore: "EK-T-001 reason=legacy until=2027-01-01"`), true, ""},
		{"on the object, ended", podWith("ANNOTATION", `evenkeel.dev/ignore: "EK-T-001 reason=x until=2026-01-01"`), false, "x.yaml:5: evenkeel:ignore EK-T-001 ended on 2026-01-01\n"},
		{"on another object", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, annotations: {evenkeel.dev/ignore: EK-T-001 reason=x}}\n---\n" + podWith(), false, "x.yaml:3: evenkeel:ignore EK-T-001 suppresses nothing here\n"},
	} {
		for _, eol := range []string{"\n", "\r\n"} {
			r := checked(t, Options{}, "x.yaml", strings.ReplaceAll(c.text, "\n", eol))
			if got := len(r.Suppressed) == 1 && len(r.Findings) == 0; got != c.suppressed {
				t.Errorf("%s: suppressed %v, want %v", c.name, got, c.suppressed)
			}
			if len(r.Suppressed)+len(r.Findings) != 1 {
				t.Errorf("%s: %d and %d findings, want 1", c.name, len(r.Suppressed), len(r.Findings))
			}
			if diff := cmp.Diff(c.notes, noteText(r)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
	}
}

func noteText(r *Result) (text string) {
	for _, n := range r.Notes {
		text += fmt.Sprintf("%s:%d: %s\n", n.File, n.Line, n.Message)
	}
	return text
}

func TestSuppressionKeepsItsReason(t *testing.T) {
	for text, want := range map[string]string{
		"EK-T-001 reason=a b until=2027-01-01":   "a b",
		"EK-T-001 until=2027-01-01 reason=a b":   "a b",
		`EK-T-001 reason="a b" until=2027-01-01`: "a b",
		"EK-T-001 reason=runs until=dawn":        "runs",
	} {
		if s := parseSuppression("x", 1, text); s.reason != want {
			t.Errorf("%s: %q, want %q", text, s.reason, want)
		}
	}
}

func TestSuppressInJSON(t *testing.T) {
	const text = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"%s}, "spec": {"template": {"spec": {%s
	"terminationGracePeriodSeconds": 30}}}}`
	for member, want := range map[string]int{"": 0, `"evenkeel:ignore": "EK-T-001 reason=x",`: 1, `"evenkeel:ignore": "EK-T-002 reason=x",`: 0} {
		r := checked(t, Options{}, "x.json", fmt.Sprintf(text, "", member))
		if len(r.Suppressed) != want {
			t.Errorf("%s: %d suppressed, want %d", member, len(r.Suppressed), want)
		}
	}
	r := checked(t, Options{}, "x.json", fmt.Sprintf(text, `, "evenkeel:ignore": "EK-T-001 reason=x"`, ""))
	if len(r.Suppressed) != 0 {
		t.Error("a member of another object suppresses")
	}
}

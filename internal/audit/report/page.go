package report

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// said is what a rule's page says of mending.
var said = map[rule.Autofix]string{
	rule.Safe:   "`evenkeel check --fix` does it",
	rule.Guided: "`evenkeel check --fix=guided` asks and does it",
	rule.No:     "by hand",
}

// Page is a rule's page in Markdown, of lines of 80 columns.
func Page(r *rule.Rule) string {
	var b strings.Builder
	part := func(lines []string) {
		for _, line := range lines {
			b.WriteString(line + "\n")
		}
	}
	b.WriteString("# " + r.ID + "\n\n")
	part(wrap("**"+r.Title+"**", "", ""))
	b.WriteString("\n")
	part(wrap("Severity: "+string(r.Severity), "- ", "  "))
	part(wrap("Looks at: "+r.Surface, "- ", "  "))
	part(wrap("Mended: "+said[r.Autofix], "- ", "  "))
	b.WriteString("\n## What users notice\n\n")
	part(wrap(r.Why, "", ""))
	b.WriteString("\n## What to do\n\n")
	part(wrap(r.Fix, "", ""))
	b.WriteString("\n## To leave it out\n\n")
	part(wrap("A comment on or above the line, with a reason; until= ends it. On a Kubernetes object also the annotation "+
		"`evenkeel.dev/ignore`, in JSON a member `\"evenkeel:ignore\"`.", "", ""))
	b.WriteString("\n```yaml\n# evenkeel:ignore " + r.ID + " reason=… until=2027-01-31\n```\n")
	if len(r.YieldsTo) > 0 {
		b.WriteString("\n## Says nothing where these do\n\n")
		part(wrap(strings.Join(r.YieldsTo, ", "), "", ""))
	}
	if len(r.Sources) > 0 {
		b.WriteString("\n## Sources\n\n")
		for _, s := range r.Sources {
			part(wrap(s, "- ", "  "))
		}
	}
	return b.String()
}

// List are all rules, one a line or two.
func List(all []*rule.Rule) string {
	var b strings.Builder
	for _, r := range all {
		for _, line := range wrap(r.Title, fmt.Sprintf("%-12s %-5s ", r.ID, r.Severity), strings.Repeat(" ", 19)) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

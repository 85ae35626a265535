package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of the Markdown, which a pull request's comment must hold.
const (
	maxMarkdown      = 60_000 // bytes
	maxMarkdownRows  = 20     // events
	maxMarkdownCases = 3      // witnesses
)

// Markdown writes a summary for a pull request: the verdict first.
func Markdown(w io.Writer, r Result) error {
	var b strings.Builder
	line, also := headline(r)
	fmt.Fprintf(&b, "## %s: %s\n\n", verdictWord(r.Verdict), md(line))
	if also != "" {
		b.WriteString(md(also) + "\n\n")
	}
	b.WriteString(md(capital(runLine(r))) + ".\n")
	markdownList(&b, "What to fix first", append(again(r), Hints(r)...))
	markdownList(&b, "Whose users, and when", whoseLines(r))
	markdownGuarantees(&b, r)
	markdownEvents(&b, r)
	markdownWitnesses(&b, r)
	markdownList(&b, "What this run cannot prove", limits(r))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("markdown: %w", err)
	}
	return nil
}

func markdownList(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", title)
	for _, l := range lines {
		b.WriteString("- " + md(clip(l, 600)) + "\n")
	}
}

func markdownGuarantees(b *strings.Builder, r Result) {
	b.WriteString("\n### Guarantees\n\n| | guarantee | status | exposed | bad | bad of these, 95 % sure | bad of events, 95 % sure |\n|---|---|---|--:|--:|--:|--:|\n")
	for _, row := range guaranteeRows(r) {
		mark := map[string]string{"good": "✅", "bad": "❌"}[row.Tone]
		if row.Tone == "unknown" {
			fmt.Fprintf(b, "| ➖ | %s %s | not tested | | | | |\n", row.ID, md(row.Name))
			continue
		}
		bad := row.Bad
		if more := slices.DeleteFunc([]string{row.Grades, row.Excused}, func(s string) bool { return s == "" }); len(more) > 0 {
			bad += " (" + strings.Join(more, "; ") + ")"
		}
		fmt.Fprintf(b, "| %s | %s %s | %s | %s | %s | %s | %s |\n", mark, row.ID, md(row.Name), row.Status, row.Exposed, md(bad), row.Sessions, row.Events)
	}
}

func markdownEvents(b *strings.Builder, r Result) {
	rows, _ := eventRows(r)
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n### Events\n\n| event | at | course | sessions put to the test | users |\n|---|--:|---|--:|---|\n")
	shown := 0
	for _, harmless := range []bool{false, true} { // rows that tell nothing give way
		for _, row := range rows {
			if (row.Tone == "good") == harmless && shown < maxMarkdownRows {
				shown++
				fmt.Fprintf(b, "| %s %s %s | %s | %s | %s | %s |\n", row.ID, md(row.Kind), md(row.Target), row.At, md(strings.Join(row.Phases, ", ")), row.Crossings, md(row.Bad))
			}
		}
	}
	if more := len(r.Outcome.Events) - shown; more > 0 {
		fmt.Fprintf(b, "\nand %s\n", plural(more, "more event", "more events"))
	}
}

// markdownWitnesses shows the gravest ones, as far as there is room.
func markdownWitnesses(b *strings.Builder, r Result) {
	const rest = 8 << 10 // for what follows
	for i, w := range witnesses(r) {
		if i == maxMarkdownCases {
			return
		}
		var one strings.Builder
		fmt.Fprintf(&one, "\n<details><summary>%s: %s</summary>\n\n%s %s\n\n", w.ID, md(w.Name), md(w.Happened), md(w.Where))
		if len(w.Steps) > 0 {
			one.WriteString("| | at | the user | was answered | by |\n|--:|--:|---|---|---|\n")
		}
		for _, s := range w.Steps {
			got := md(s.Got)
			if s.Note != "" {
				got += " **← " + md(s.Note) + "**"
			}
			fmt.Fprintf(&one, "| %d | %s | %s | %s | %s |\n", s.N, s.At, md(s.Did), got, md(s.Instance))
		}
		if w.Replay != "" {
			fmt.Fprintf(&one, "\n```sh\n%s```\n", strings.ReplaceAll(w.Replay, "```", "'''"))
		}
		one.WriteString("\n</details>\n")
		if b.Len()+one.Len() < maxMarkdown-rest {
			b.WriteString(one.String())
		}
	}
}

var mdEscaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"#", `\#`, "@", "@\u200b", "~", `\~`, "$", `\$`, `\`, `\\`)

// md makes a text of others fit for Markdown: no markup, no link, no mention.
func md(s string) string {
	s = mdEscaper.Replace(clip(s, 900))
	return strings.ReplaceAll(strings.ReplaceAll(s, "http://", "http:\u200b//"), "https://", "https:\u200b//")
}

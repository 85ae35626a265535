package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

const (
	pageBegin = "<!-- what follows is written by: make corpus -->\n"
	pageEnd   = "<!-- end of what is written by: make corpus -->\n"
)

// updatePage writes the tables into the page at path, between its two marks.
func updatePage(path string, all []*inspected, j *judgement) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(old, []byte(pageBegin))
	_, tail, end := bytes.Cut(rest, []byte(pageEnd))
	if !ok || !end {
		return fmt.Errorf("%s: the marks of the generated part are missing", path)
	}
	var out bytes.Buffer
	out.Write(head)
	out.WriteString(pageBegin)
	writeApplications(&out, all, j)
	writeFindings(&out, all, j)
	out.WriteString(pageEnd)
	out.Write(tail)
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// tally counts findings of one severity by verdict.
type tally map[verdict]int

func (t tally) cells() string {
	if len(t) == 0 {
		return "0 |"
	}
	return fmt.Sprintf("%d true, %d debatable, %d false |", t[right], t[debatable], t[wrong])
}

func writeApplications(out *bytes.Buffer, all []*inspected, j *judgement) {
	out.WriteString("\n| application | audited | files | services | errors | warnings | infos |\n|---|---|---|---|---|---|---|\n")
	total, files, services := map[rule.Severity]tally{}, 0, 0
	for _, one := range all {
		by := one.tallies(j)
		for s, t := range by {
			if total[s] == nil {
				total[s] = tally{}
			}
			for v, n := range t {
				total[s][v] += n
			}
		}
		files, services = files+one.files, services+one.services
		fmt.Fprintf(out, "| %s %s | %s | %d | %d | %s %s %s\n", one.module, one.version, one.folders(), one.files, one.services,
			by[rule.Error].cells(), by[rule.Warn].cells(), by[rule.Info].cells())
	}
	fmt.Fprintf(out, "| all | | %d | %d | %s %s %s\n", files, services, total[rule.Error].cells(), total[rule.Warn].cells(), total[rule.Info].cells())
}

// tallies are those of the findings that were reviewed.
func (one *inspected) tallies(j *judgement) map[rule.Severity]tally {
	by := map[rule.Severity]tally{}
	for _, f := range one.findings {
		r, ok := j.verdicts[f.key]
		if !ok {
			continue
		}
		if by[f.severity] == nil {
			by[f.severity] = tally{}
		}
		by[f.severity][r.Verdict]++
	}
	return by
}

func writeFindings(out *bytes.Buffer, all []*inspected, j *judgement) {
	for _, one := range all {
		if len(one.findings) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n### %s\n\n| place | rule | severity | verdict | why |\n|---|---|---|---|---|\n", one.name)
		for _, f := range one.findings {
			if r, ok := j.verdicts[f.key]; ok {
				fmt.Fprintf(out, "| %s:%d | %s | %s | %s | %s |\n", f.File, f.line, f.Rule, f.severity, r.Verdict, strings.ReplaceAll(r.Why, "|", `\|`))
			}
		}
	}
	out.WriteString("\n")
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
)

const (
	pageBegin = "<!-- what follows is written by: make linters -->\n"
	pageEnd   = "<!-- end of what is written by: make linters -->\n"
)

// tables are the counts, a line for each rule that some other linter has a check
// for and one for all the rest, and the checks that were taken to say the same.
func tables(cases []testCase, columns []column) []byte {
	var out bytes.Buffer
	out.WriteString("\n| rule | faults | near misses |")
	for _, c := range columns {
		fmt.Fprintf(&out, " %s |", c.linter)
	}
	out.WriteString("\n|---|---|---|")
	for range columns {
		out.WriteString("---|")
	}
	out.WriteString("\n")
	var rest []string
	for _, rule := range rulesOf(cases) {
		if !slices.ContainsFunc(columns[1:], func(c column) bool { return has(c.linter, rule) }) {
			rest = append(rest, rule)
			continue
		}
		row(&out, rule, columns, []string{rule})
	}
	row(&out, fmt.Sprintf("%d rules that no other has a check for", len(rest)), columns, rest)
	row(&out, "all", columns, rulesOf(cases))
	out.WriteString("\nEach cell: faults found; near misses raised.\n")
	for _, c := range columns {
		if c.refused > 0 {
			fmt.Fprintf(&out, "%s could not read %d of the %d cases.\n", c.linter, c.refused, len(cases))
		}
	}
	out.WriteString("\n| rule | linter | its check | what it says |\n|---|---|---|---|\n")
	for _, s := range subjects {
		fmt.Fprintf(&out, "| %s | %s | `%s` | %s |\n", s.rule, s.linter, s.check, s.why)
	}
	out.WriteString("\n")
	return out.Bytes()
}

func rulesOf(cases []testCase) (all []string) {
	for _, c := range cases {
		if !slices.Contains(all, c.rule) {
			all = append(all, c.rule)
		}
	}
	slices.Sort(all)
	return all
}

func row(out *bytes.Buffer, title string, columns []column, rules []string) {
	sum := func(c column) (t tally) {
		for _, r := range rules {
			one := c.byRule[r]
			t.planted, t.found, t.near, t.raised = t.planted+one.planted, t.found+one.found, t.near+one.near, t.raised+one.raised
		}
		return t
	}
	first := sum(columns[0])
	fmt.Fprintf(out, "| %s | %d | %d |", title, first.planted, first.near)
	for _, c := range columns {
		if t := sum(c); slices.ContainsFunc(rules, func(r string) bool { return has(c.linter, r) }) {
			fmt.Fprintf(out, " %d of %d; %d of %d |", t.found, t.planted, t.raised, t.near)
		} else {
			out.WriteString(" no check |")
		}
	}
	out.WriteString("\n")
}

// updatePage writes text into the page at path, between its two marks.
func updatePage(path string, text []byte) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(old, []byte(pageBegin))
	_, tail, end := bytes.Cut(rest, []byte(pageEnd))
	if !ok || !end {
		return fmt.Errorf("%s: the marks of the generated part are missing", path)
	}
	return os.WriteFile(path, slices.Concat(head, []byte(pageBegin), text, []byte(pageEnd), tail), 0o644)
}

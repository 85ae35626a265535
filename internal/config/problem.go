package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing wrong with a configuration file.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 is unknown
	Key          string // path of the key: gateway.groups[0].name; empty for the file itself
	Msg          string // what was found and what is allowed
}

// Error is FILE:LINE:COLUMN: KEY: MESSAGE without the parts that are unknown.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// problems collects the errors of one file.
type problems struct {
	list []error
	more int
}

func (p *problems) add(e *Error) {
	if len(p.list) == maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, e)
}

func (p *problems) err() error {
	if p.more > 0 {
		return errors.Join(append(slices.Clip(p.list), fmt.Errorf("and %d more", p.more))...)
	}
	return errors.Join(p.list...)
}

// suggest returns " (did you mean X?)" when one of the allowed words is close
// to what was found.
func suggest(found string, allowed []string) string {
	best, at := 3, ""
	for _, a := range allowed {
		if d := distance(strings.ToLower(found), a); d < best && d < len(a) {
			best, at = d, a
		}
	}
	if at == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", at)
}

// distance is Levenshtein's, of words: longer ones are infinitely far.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diag
			if a[i] != b[j] {
				change++
			}
			diag = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

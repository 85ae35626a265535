package main

import (
	"context"
	"slices"
)

// linter says what it finds in a case.
type linter interface {
	name() string
	prepare(context.Context) error
	lint(context.Context, testCase) ([]report, error)
}

// report is one thing that a linter says of an object.
type report struct {
	kind, name string
	check      string // its own ID
	text       string
}

// tally counts a rule's cases.
type tally struct {
	planted, found int
	near, raised   int
}

// column is what one linter did.
type column struct {
	linter  string
	byRule  map[string]tally
	refused int // cases that it could not read
}

func (c column) total() (t tally) {
	for _, r := range c.byRule {
		t.planted, t.found, t.near, t.raised = t.planted+r.planted, t.found+r.found, t.near+r.near, t.raised+r.raised
	}
	return t
}

// count runs a linter over all cases. A fault is found if the linter says
// something of the same subject about the same object; a near miss is raised if
// it does about any object.
func count(ctx context.Context, l linter, cases []testCase) (column, error) {
	c := column{linter: l.name(), byRule: map[string]tally{}}
	for _, one := range cases {
		all, err := l.lint(ctx, one)
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if err != nil {
			c.refused++
		}
		same := slices.DeleteFunc(all, func(r report) bool { return !says(l.name(), one.rule, r) })
		t := c.byRule[one.rule]
		if one.hit() {
			for _, o := range one.faults {
				t.planted++
				if slices.ContainsFunc(same, func(r report) bool { return r.kind == o.kind && r.name == o.name }) {
					t.found++
				}
			}
		} else {
			t.near++
			if len(same) > 0 {
				t.raised++
			}
		}
		c.byRule[one.rule] = t
	}
	return c, nil
}

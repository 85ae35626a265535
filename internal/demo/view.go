package demo

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/drill/screen"
)

// view is what the demo shows at one moment, in plain words.
type view struct {
	strategy Strategy
	elapsed  time.Duration
	length   time.Duration
	address  string // where a person can shop; "" is nowhere

	users    int
	signedIn int
	sent     int
	lost     int // sessions
	undone   int // acknowledged changes that are gone
	failed   int // requests that a user saw fail
	atKills  int // of these, in flight to a replica when it was killed

	replicas []replicaView
	events   []string // one line each, the newest last
	log      []string // what was said of them, for where lines stay
	late     string   // why this machine is too busy to judge; "" is not
	over     bool     // everything is decided
}

type replicaView struct {
	name     string
	doing    string
	inFlight int
	served   int
}

// good: nothing bad has happened so far.
func (v view) good() bool { return len(v.bad()) == 0 }

// bad is what has happened to people.
func (v view) bad() (bad []string) {
	if v.lost > 0 {
		bad = append(bad, screen.Count(v.lost, "sign-in was lost", "sign-ins were lost"))
	}
	if v.undone > 0 {
		bad = append(bad, screen.Count(v.undone, "change was undone", "changes were undone"))
	}
	if n := v.failed - v.atKills; n > 0 {
		bad = append(bad, screen.Count(n, "request failed", "requests failed"))
	}
	return bad
}

// verdict is the first line: how it goes so far.
func (v view) verdict() string {
	switch bad := v.bad(); {
	case len(bad) > 0:
		return strings.Join(bad, ", ")
	case v.late != "":
		return "nothing lost, but this machine is too busy to be sure"
	case v.over:
		return "nothing was lost"
	default:
		return "so far nothing was lost"
	}
}

// Lines draws the view in at most height lines of at most width columns.
func (v view) Lines(width, height int) []string {
	clock := screen.Minutes(v.elapsed)
	if v.length > 0 {
		clock += " / " + screen.Minutes(v.length)
	}
	head := screen.Clip(v.strategy.Name+": "+v.verdict(), width-len(clock)-1)
	out := []string{head + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(head)-len(clock))) + clock}
	out = append(out, screen.Wrap(v.strategy.Sentence(), width)...)
	out = append(out, "",
		fmt.Sprintf("  %7s of %s users signed in    %7s sign-ins lost", screen.Thousands(v.signedIn), screen.Thousands(v.users), screen.Thousands(v.lost)),
		fmt.Sprintf("  %7s requests%s%7s changes undone", screen.Thousands(v.sent), strings.Repeat(" ", 13+len(screen.Thousands(v.users))), screen.Thousands(v.undone)),
		fmt.Sprintf("  %7s requests failed%s", screen.Thousands(v.failed), atKills(v.atKills)),
		"", "  replica                      in flight     answered")
	for _, r := range v.replicas {
		out = append(out, fmt.Sprintf("  %-10s %-16s %9d %12s", r.name, r.doing, r.inFlight, screen.Thousands(r.served)))
	}
	foot := []string{""}
	if v.address != "" {
		foot = append(foot, "  Shop and watch: "+v.address+"    Ctrl-C ends")
	}
	out = append(out, "")
	return screen.Fit(out, v.events, foot, width, height)
}

func atKills(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them inside a replica when it was killed", n)
}

// Plain is the view as one line, for where there is no terminal.
func (v view) Plain() string {
	return fmt.Sprintf("%s  %s: %s; %s requests, %s users signed in", screen.Minutes(v.elapsed), v.strategy.Name, v.verdict(), screen.Thousands(v.sent), screen.Thousands(v.signedIn))
}

// Log is what was said of the events.
func (v view) Log() []string { return v.log }

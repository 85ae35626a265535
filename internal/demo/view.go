package demo

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
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
		bad = append(bad, count(v.lost, "sign-in was lost", "sign-ins were lost"))
	}
	if v.undone > 0 {
		bad = append(bad, count(v.undone, "change was undone", "changes were undone"))
	}
	if n := v.failed - v.atKills; n > 0 {
		bad = append(bad, count(n, "request failed", "requests failed"))
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

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// lines draws the view in at most height lines of at most width columns.
func (v view) lines(width, height int) []string {
	clock := minutes(v.elapsed)
	if v.length > 0 {
		clock += " / " + minutes(v.length)
	}
	head := clip(v.strategy.Name+": "+v.verdict(), width-len(clock)-1)
	out := []string{head + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(head)-len(clock))) + clock}
	out = append(out, wrap(v.strategy.Sentence(), width)...)
	out = append(out, "",
		fmt.Sprintf("  %7s of %s users signed in    %7s sign-ins lost", thousands(v.signedIn), thousands(v.users), thousands(v.lost)),
		fmt.Sprintf("  %7s requests%s%7s changes undone", thousands(v.sent), strings.Repeat(" ", 13+len(thousands(v.users))), thousands(v.undone)),
		fmt.Sprintf("  %7s requests failed%s", thousands(v.failed), atKills(v.atKills)),
		"", "  replica                      in flight     answered")
	for _, r := range v.replicas {
		out = append(out, fmt.Sprintf("  %-10s %-16s %9d %12s", r.name, r.doing, r.inFlight, thousands(r.served)))
	}
	foot := []string{""}
	if v.address != "" {
		foot = append(foot, "  Shop and watch: "+v.address+"    Ctrl-C ends")
	}
	out = append(out, "")
	out = out[:max(0, min(len(out), height-len(foot)))]
	if room := height - len(out) - len(foot); room > 0 {
		out = append(out, v.events[max(0, len(v.events)-room):]...)
	}
	out = append(out, foot...)
	for i, l := range out {
		out[i] = clip(l, width)
	}
	return out[:min(len(out), height)]
}

func atKills(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them inside a replica when it was killed", n)
}

// plain is the view as one line, for where there is no terminal.
func (v view) plain() string {
	return fmt.Sprintf("%s  %s: %s; %s requests, %s users signed in", minutes(v.elapsed), v.strategy.Name, v.verdict(), thousands(v.sent), thousands(v.signedIn))
}

func minutes(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

func clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(0, width-1)]) + "…"
}

func wrap(s string, width int) []string {
	var out []string
	var line string
	for word := range strings.FieldsSeq(s) {
		if line != "" && len(line)+1+len(word) > width {
			out = append(out, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(out, line)
}

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

const width = 80

// text writes the findings with what stands there, the arithmetic and the fix,
// and once for each service its way out as a picture, where that does not add up.
func text(w io.Writer, r Report) error {
	p := printer{w: w, color: r.Color}
	drawn := map[*model.Service]bool{}
	for _, f := range r.Findings {
		p.finding(f)
		if leaves(f) && !drawn[f.Service] {
			drawn[f.Service] = true
			p.lines(timeline(f.Service))
		}
		p.line("")
	}
	for _, n := range r.Notes {
		at := n.File
		if n.Line > 0 {
			at = fmt.Sprintf("%s:%d", n.File, n.Line)
		}
		p.wrapped("note "+at+": "+n.Message, "", "  ")
	}
	if len(r.Notes) > 0 {
		p.line("")
	}
	p.wrapped(r.summary(), "", "  ")
	p.next(r)
	return p.err
}

// leaves reports whether f's arithmetic is that of the way out.
func leaves(f rule.Finding) bool {
	if f.Service == nil {
		return false
	}
	for _, part := range []string{f.Service.Grace.Name, f.Service.PreStop.Name} {
		if part != "" && strings.Contains(f.Arithmetic, part) {
			return true
		}
	}
	return false
}

// printer writes lines and keeps the first error.
type printer struct {
	w     io.Writer
	color bool
	err   error
}

func (p *printer) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, text)
	}
}

func (p *printer) lines(all []string) {
	for _, line := range all {
		p.line(line)
	}
}

// wrapped writes text that others had a hand in.
func (p *printer) wrapped(text, first, rest string) { p.lines(wrap(text, first, rest)) }

// Colours of severities, and of what is looked at.
const (
	red, yellow, blue, bold, plain = "\x1b[1;31m", "\x1b[33m", "\x1b[36m", "\x1b[1m", "\x1b[0m"
)

var colors = map[rule.Severity]string{rule.Error: red, rule.Warn: yellow, rule.Info: blue}

func (p *printer) paint(color, text string) string {
	if !p.color {
		return text
	}
	return color + text + plain
}

func (p *printer) finding(f rule.Finding) {
	p.line(fmt.Sprintf("%s %s %s", p.paint(bold, printable(f.Node.Pos().String())), p.paint(colors[f.Severity], string(f.Severity)), f.Rule.ID))
	p.wrapped(f.Message, "  ", "  ")
	p.excerpt(f)
	if f.Arithmetic != "" {
		p.wrapped(f.Arithmetic, "  ", "    ")
	}
	p.fix(f)
}

// fix says what mends f, and who does it.
func (p *printer) fix(f rule.Finding) {
	switch {
	case mendable(f):
		p.wrapped(f.Fix.Title+" (--fix does it)", "  fix: ", "    ")
	case askable(f):
		p.wrapped("one of these (--fix=guided asks):", "  fix: ", "    ")
		for i, c := range f.Fix.Asks {
			p.wrapped(c.Title, fmt.Sprintf("    %d. ", i+1), "       ")
		}
	case f.Fix != nil && f.Fix.Title != "":
		p.wrapped(f.Fix.Title, "  fix: ", "    ")
	default:
		p.wrapped(f.Rule.Fix, "  fix: ", "    ")
	}
}

// excerpt shows the line of f with what is meant underlined.
func (p *printer) excerpt(f rule.Finding) {
	pos := f.Node.Pos()
	line := []rune(printable(f.Node.Doc.File.Line(pos.Line)))
	at := pos.Column - 1
	if at < 0 || at >= len(line) {
		return
	}
	long := 1
	for at+long < len(line) && !strings.ContainsRune(" ,:;\"'{}[]#=", line[at+long]) {
		long++
	}
	number := fmt.Sprintf("%5d | ", pos.Line)
	room := width - len(number)
	if len(line) > room { // the part around what is meant
		from := max(0, min(at-room/3, len(line)-room))
		line, at = line[from:from+room], at-from
	}
	p.line(number + strings.TrimRight(string(line), " "))
	p.line(strings.Repeat(" ", len(number)-2) + "| " + strings.Repeat(" ", at) + p.paint(red, strings.Repeat("^", min(long, room-at))))
}

// next says what to do now.
func (p *printer) next(r Report) {
	if len(r.Findings) == 0 {
		return
	}
	mends, asks := 0, 0
	for _, f := range r.Findings {
		switch {
		case mendable(f):
			mends++
		case askable(f):
			asks++
		}
	}
	const row = "  %-30s %s"
	p.line(fmt.Sprintf(row, "evenkeel explain "+r.Findings[0].Rule.ID, "says why, and how that is known"))
	if mends > 0 {
		p.line(fmt.Sprintf(row, "evenkeel check --fix", fmt.Sprintf("mends %d of them; add --diff to see how", mends)))
	}
	if asks > 0 {
		p.line(fmt.Sprintf(row, "evenkeel check --fix=guided", fmt.Sprintf("asks how to mend %d", asks)))
	}
}

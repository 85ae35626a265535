package sessions

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

func (o Output) json(v any) error {
	e := json.NewEncoder(o.W)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// widths of what comes from strangers, so that a line fits in 80 columns.
const (
	widthPrincipal = 20
	widthDevice    = 16
)

// table writes a line for each session.
func (o Output) table(lines []Line) error {
	if len(lines) == 0 {
		_, err := fmt.Fprintln(o.W, "no sessions")
		return err
	}
	now := o.now()
	w := tabwriter.NewWriter(o.W, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SESSION\tPRINCIPAL\tDEVICE\tSEEN\tENDS IN")
	for _, l := range lines {
		ends := ago(l.Expires.Sub(now))
		if l.Gone != "" {
			ends = string(l.Gone)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Session, clip(l.Principal, widthPrincipal), clip(l.Device, widthDevice),
			ago(now.Sub(l.lastSeen())), ends)
	}
	return w.Flush()
}

func (l Line) lastSeen() time.Time {
	if l.Accessed != nil {
		return *l.Accessed
	}
	return l.Created
}

// ago is a duration as people say it.
func ago(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// clip makes a stranger's text fit for a terminal: no control characters,
// bounded, "-" if empty.
func clip(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

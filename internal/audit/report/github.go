package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// What GitHub calls severities, and how workflow commands are escaped: the
// runner's ActionCommand and @actions/core's command.
var (
	commands = map[rule.Severity]string{rule.Error: "error", rule.Warn: "warning", rule.Info: "notice"}
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func github(w io.Writer, r Report) error {
	for _, f := range r.Findings {
		pos, message := f.Node.Pos(), f.Message
		if f.Arithmetic != "" {
			message += "\n" + f.Arithmetic
		}
		fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", commands[f.Severity], property.Replace(pos.File), pos.Line, pos.Column,
			property.Replace(f.Rule.ID+" "+f.Rule.Title), data.Replace(message+"\n"+URL(f.Rule)))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "::notice file=%s,line=%d,title=not checked::%s\n", property.Replace(n.File), max(1, n.Line), data.Replace(n.Message))
	}
	_, err := fmt.Fprintln(w, r.summary())
	return err
}

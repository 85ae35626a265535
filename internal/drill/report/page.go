package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/*"))

// HTML writes the page: one file that needs nothing else, in the order in
// which somebody asks who has been woken by it.
func HTML(w io.Writer, r Result) error {
	if err := pageTemplate.ExecuteTemplate(w, "page.html", newPage(r)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// page is what the template shows. All of it is plain text: the template
// escapes it.
type page struct {
	Head       head
	Hints      []string
	Whose      []string // what was broken was whose, and when
	Timeline   *drawing
	Legend     []Setting // style and meaning
	Recorded   bool      // the timeline has charts
	Guarantees []guaranteeRow
	Events     []eventRow
	MoreEvents string
	Blame      []blameRow
	MoreBlame  string
	Witnesses  []witness
	Phases     []phaseRow
	Control    string
	Health     []Setting
	Limits     []string
	Config     []Setting
}

func newPage(r Result) page {
	p := page{
		Head: newHead(r), Timeline: newTimeline(r), Recorded: len(r.Series.Snapshot().Buckets) > 0,
		Legend: legend(r), Guarantees: guaranteeRows(r), Witnesses: witnesses(r),
		Phases: phaseRows(r), Control: controlSentence(r), Health: healthRows(r), Limits: limits(r),
	}
	for _, hint := range append(again(r), Hints(r)...) {
		p.Hints = append(p.Hints, clip(hint, 600))
	}
	for i, limit := range p.Limits {
		p.Limits[i] = strings.ReplaceAll(limit, " %", "\u00a0%") // no line ends before the sign
	}
	p.Whose = whoseLines(r)
	p.Events, p.MoreEvents = eventRows(r)
	p.Blame, p.MoreBlame = blameRows(r.Outcome)
	for _, s := range r.Config[:min(len(r.Config), 60)] {
		p.Config = append(p.Config, Setting{clip(s.Name, 60), say(s.Value)})
	}
	return p
}

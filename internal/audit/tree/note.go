package tree

import (
	"cmp"
	"slices"
)

// Note is something about a file that no rule says: it could not be read, or a
// part of it was passed over.
type Note struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	// Failed is set when nothing of the file was read.
	Failed bool `json:"-"`
}

// SortNotes puts notes in the order of files and lines.
func SortNotes(notes []Note) {
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
}

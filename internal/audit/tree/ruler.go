package tree

import "unicode/utf8"

// Ruler turns bytes of one file into lines and columns and back. It goes on from
// where it was asked last in the same line, forwards or back, so that a long
// line with many values costs little more than its length. It is not for
// concurrent use.
type Ruler struct {
	data   []byte
	starts []int // of lines

	line, at, column int // the last answer; line 0: none
}

// NewRuler is a ruler for f, whose data may not change.
func NewRuler(f *File) *Ruler { return &Ruler{data: f.Data, starts: f.Starts()} }

// Place is line and column, from 1 and in characters, of a byte.
func (r *Ruler) Place(offset int) (line, column int) {
	offset = min(offset, len(r.data))
	line = lineOf(r.starts, offset)
	if r.line != line || r.at-offset > offset-r.starts[line-1] {
		r.begin(line)
	}
	for r.at < offset {
		r.forward()
	}
	for r.at > offset {
		r.back()
	}
	return line, r.column
}

// Offset is the byte where line and column begin.
func (r *Ruler) Offset(line, column int) int {
	if line < 1 || line > len(r.starts) {
		return len(r.data)
	}
	if r.line != line || r.column-column > column {
		r.begin(line)
	}
	for r.column < column && r.at < len(r.data) {
		r.forward()
	}
	for r.column > column && r.column > 1 {
		r.back()
	}
	return r.at
}

// begin goes to the beginning of a line.
func (r *Ruler) begin(line int) { r.line, r.at, r.column = line, r.starts[line-1], 1 }

func (r *Ruler) forward() {
	_, size := utf8.DecodeRune(r.data[r.at:])
	r.at += size
	r.column++
}

func (r *Ruler) back() {
	_, size := utf8.DecodeLastRune(r.data[:r.at])
	r.at -= size
	r.column--
}

package source

import "unicode/utf8"

// ruler turns bytes into lines and columns and back. It goes on from where it
// was asked last in the same line, forwards or back, so that a long line with
// many values costs little more than its length.
type ruler struct {
	data   []byte
	starts []int // of lines

	line, at, column int // the last answer; line 0: none
}

// place is line and column, in characters, of a byte.
func (r *ruler) place(offset int) (line, column int) {
	offset = min(offset, len(r.data))
	line, _ = place(r.starts, nil, offset)
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

// offset is the byte where line and column begin.
func (r *ruler) offset(line, column int) int {
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
func (r *ruler) begin(line int) { r.line, r.at, r.column = line, r.starts[line-1], 1 }

func (r *ruler) forward() {
	_, size := utf8.DecodeRune(r.data[r.at:])
	r.at += size
	r.column++
}

func (r *ruler) back() {
	_, size := utf8.DecodeLastRune(r.data[:r.at])
	r.at -= size
	r.column--
}

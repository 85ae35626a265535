package streams

// Boundary follows an event stream (WHATWG HTML, 9.2.6): lines end with \n, \r
// or \r\n, and a blank line ends an event. The zero value is at the start,
// where no event has begun. Not safe for concurrent use.
type Boundary struct {
	inLine bool // the line has a character
	event  bool // a field has begun since the last blank line
	cr     bool // the last byte was \r
	crlf   bool // a line has ended with \r\n: a \r alone is half an end
}

// Scan follows p. It returns after how many bytes of p the last boundary in it
// is: the end of an event, or of a line between events; -1 if there is none.
func (s *Boundary) Scan(p []byte) int {
	last := -1
	for i, b := range p {
		switch {
		case b == '\n' && s.cr: // the second half of a line end
			s.cr, s.crlf = false, true
		case b == '\n' || b == '\r':
			s.endLine()
			s.cr = b == '\r'
		default:
			s.cr = false
			if !s.inLine {
				s.inLine = true
				s.event = s.event || b != ':' // a comment is no field
			}
		}
		if s.Between() {
			last = i + 1
		}
	}
	return last
}

func (s *Boundary) endLine() {
	if !s.inLine {
		s.event = false
	}
	s.inLine = false
}

// Between reports whether a client that reads no further has lost nothing:
// no event and no line has begun.
func (s *Boundary) Between() bool { return !s.inLine && !s.event && (!s.cr || !s.crlf) }

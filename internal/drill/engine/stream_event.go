package engine

import (
	"bufio"
	"strconv"
	"strings"
	"time"
)

// maxLine bounds what is kept of a line, and of an event's data; the rest is
// read and dropped.
const maxLine = 4096

// message is one event, or a block of fields that sets the ID or the time of
// reconnection and has no data.
type message struct {
	id    string
	hasID bool
	data  []byte // valid until the next one is read
	retry time.Duration
}

// eventReader reads text/event-stream, after the HTML standard (9.2.6): what
// ends without an empty line is no event.
type eventReader struct {
	r        *bufio.Reader
	started  bool
	crBefore bool // the line before ended in CR, and an LF may belong to it
	line     []byte
	data     []byte
}

// next is the next message. An error is the reader's.
func (e *eventReader) next() (message, error) {
	m := message{}
	e.data = e.data[:0]
	some := false
	for {
		line, err := e.readLine()
		if err != nil {
			return message{}, err
		}
		if line == "" {
			if some {
				m.data = e.data
				return m, nil
			}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		some = e.field(&m, name, strings.TrimPrefix(value, " ")) || some
	}
}

// field takes a field in; false if it means nothing here, as a comment, whose
// name is empty, does.
func (e *eventReader) field(m *message, name, value string) bool {
	switch name {
	case "id":
		if strings.ContainsRune(value, 0) {
			return false
		}
		m.id, m.hasID = value, true
	case "data":
		if len(e.data) > 0 {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, value[:min(len(value), max(maxLine-len(e.data), 0))]...)
	case "retry":
		ms, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return false
		}
		m.retry = time.Duration(ms) * time.Millisecond
	default:
		return false
	}
	return true
}

// readLine is the next line without its end, which is LF, CR or both.
func (e *eventReader) readLine() (string, error) {
	e.line = e.line[:0]
	for {
		b, err := e.r.ReadByte()
		if err != nil {
			return "", err
		}
		after := e.crBefore
		e.crBefore = b == '\r'
		switch {
		case b == '\n' && after:
			continue
		case b == '\n' || b == '\r':
			line := string(e.line)
			if !e.started {
				e.started = true
				line = strings.TrimPrefix(line, "\ufeff")
			}
			return line, nil
		case len(e.line) < maxLine:
			e.line = append(e.line, b)
		}
	}
}

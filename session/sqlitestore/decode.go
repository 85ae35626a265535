package sqlitestore

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/session"
)

// decode reads the stored form of a record. The attributes' values are parts
// of b. A format that package session does not read is session.ErrFormat,
// everything else that is wrong is ErrCorrupt.
func decode(b []byte) (*session.Record, error) {
	d := decoder{rest: b, record: &session.Record{}}
	if err := d.format(); err != nil {
		return nil, err
	}
	if err := d.seal(); err != nil {
		return nil, err
	}
	for len(d.rest) > 0 {
		if err := d.line(); err != nil {
			return nil, fmt.Errorf("%w: record, %d bytes before its end: %w", ErrCorrupt, len(d.rest), err)
		}
	}
	if d.record.Gone == "" && d.record.Attributes == nil {
		d.record.Attributes = map[string][]byte{}
	}
	return d.record, nil
}

type decoder struct {
	rest   []byte
	record *session.Record
}

// format reads the first line, which all formats have in common.
func (d *decoder) format() error {
	line, rest, ok := bytes.Cut(d.rest, []byte{'\n'})
	digits, field := bytes.CutPrefix(line, []byte("_f "))
	n, err := strconv.Atoi(string(digits))
	switch {
	case !ok || !field || err != nil:
		return fmt.Errorf("%w: record without a format", ErrCorrupt)
	case n < 1 || n != session.Format && n != session.Format-1:
		return fmt.Errorf("%w %d (this program reads %d)", session.ErrFormat, n, session.Format)
	}
	d.record.Format, d.rest = n, rest
	return nil
}

// seal reads the check sum, which is that of all that follows.
func (d *decoder) seal() error {
	line, body, _ := bytes.Cut(d.rest, []byte{'\n'})
	if want := seal(body); string(line) != string(want[:len(want)-1]) {
		return fmt.Errorf("%w: record has another check sum", ErrCorrupt)
	}
	d.rest = body
	return nil
}

func (d *decoder) line() error {
	end := bytes.IndexByte(d.rest, '\n')
	if end < 0 {
		return errors.New("line without an end")
	}
	l := line{rest: string(d.rest[:end])}
	d.rest = d.rest[end+1:]
	if name, ok := strings.CutPrefix(l.rest, "@"); ok {
		l.rest = name
		return d.attribute(&l)
	}
	field, rest, _ := strings.Cut(l.rest, " ")
	l.rest = rest
	d.field(field, &l)
	return l.end()
}

// field reads a line with one value.
func (d *decoder) field(name string, l *line) {
	r := d.record
	switch name {
	case "_v":
		r.Version = l.version()
	case "_g":
		r.Generation = l.number()
	case "_k":
		r.Verifier = l.hash()
	case "_c":
		r.Created = l.moment()
	case "_a":
		r.Accessed = l.moment()
	case "_x":
		r.Absolute = l.moment()
	case "_i":
		r.Idle = l.millis()
	case "_p":
		r.Principal = l.word()
	case "_e":
		r.Epoch = l.number()
	case "_t":
		r.Authenticated = l.moment()
	case "_l":
		r.Persistent = l.number() == 1
	case "_d":
		r.Gone = session.Reason(l.word())
	case "_o":
		r.Superseded = append(r.Superseded, l.superseded())
	case "_w":
		r.Writes = append(r.Writes, l.write())
	default:
		l.fail("unknown field")
	}
}

func (d *decoder) attribute(l *line) error {
	name, size := l.word(), l.number()
	if err := l.end(); err != nil {
		return err
	}
	r := d.record
	if size < 0 || size >= int64(len(d.rest)) || d.rest[size] != '\n' {
		return errors.New("attribute of another size")
	}
	if _, twice := r.Attributes[name]; twice {
		return errors.New("attribute twice")
	}
	if r.Attributes == nil {
		r.Attributes = map[string][]byte{}
	}
	r.Attributes[name] = d.rest[:size:size] // full: an append must not reach the next one
	r.Size += len(name) + int(size)
	d.rest = d.rest[size+1:]
	return nil
}

package index

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// entry is what the index knows of one session.
//
// It is stored under the session's key as a list of fields, each with its
// length in decimal and a colon before it: the form (1), the mark, and five
// for each sign-in: write ID, number, microseconds of the index's clock,
// deadline in milliseconds of the session's, and device.
type entry struct {
	key      session.Key
	raw      string         // as stored
	mark     session.Reason // why it is to be ended, "" if it is not
	attempts []attempt      // in order of their numbers, never none
}

// attempt is one sign-in of a session: the one that it is the principal's by,
// or one that may still come, or one that was refused or superseded and will be
// forgotten when the session is looked at.
type attempt struct {
	write    string
	number   int64
	order    int64 // when it was registered
	deadline int64 // from then on it cannot come any more
	device   string
}

const (
	entryForm     = "1"
	attemptFields = 5
)

var errEntry = errors.New("index: entry of an unknown form")

// newest is the last sign-in, which says how old the session is among others.
func (e *entry) newest() *attempt { return &e.attempts[len(e.attempts)-1] }

// number is the highest that the session's record may have, now or later.
func (e *entry) number() int64 { return e.newest().number }

// pending tells whether a sign-in may still come when the session's clock
// shows now.
func (e *entry) pending(now time.Time) bool {
	return slices.ContainsFunc(e.attempts, func(a attempt) bool { return a.pending(now) })
}

func (a *attempt) pending(now time.Time) bool { return now.UnixMilli() < a.deadline }

// deadline is when the last sign-in that may still come cannot any more.
func (e *entry) deadline() time.Time {
	latest := slices.MaxFunc(e.attempts, func(a, b attempt) int { return cmp.Compare(a.deadline, b.deadline) })
	return time.UnixMilli(latest.deadline)
}

// by returns the sign-in of that number, nil if there is none.
func (e *entry) by(number int64) *attempt {
	i := slices.IndexFunc(e.attempts, func(a attempt) bool { return a.number == number })
	if i < 0 {
		return nil
	}
	return &e.attempts[i]
}

// marked is the entry with a mark; one that it has stays.
func (e *entry) marked(reason session.Reason) entry {
	next := *e
	if next.mark == "" {
		next.mark = reason
	}
	next.raw = next.encode()
	return next
}

// byAge orders entries by their newest sign-ins.
func byAge(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.newest().order, b.newest().order), cmp.Compare(a.key, b.key))
}

func (e *entry) encode() string {
	var b strings.Builder
	field := func(s string) {
		b.WriteString(strconv.Itoa(len(s)))
		b.WriteByte(':')
		b.WriteString(s)
	}
	number := func(n int64) { field(strconv.FormatInt(n, 10)) }
	field(entryForm)
	field(string(e.mark))
	for i := range e.attempts {
		a := &e.attempts[i]
		field(a.write)
		number(a.number)
		number(a.order)
		number(a.deadline)
		field(a.device)
	}
	return b.String()
}

// decodeEntry is the inverse of encode. It accepts nothing that encode does not
// produce.
func decodeEntry(key session.Key, raw string) (entry, error) {
	fields, ok := splitFields(raw)
	if !ok || len(fields) < 2+attemptFields || (len(fields)-2)%attemptFields != 0 || fields[0] != entryForm {
		return entry{}, errEntry
	}
	e := entry{key: key, raw: raw, mark: session.Reason(fields[1])}
	for part := range slices.Chunk(fields[2:], attemptFields) {
		a := attempt{write: part[0], device: part[4]}
		for i, n := range []*int64{&a.number, &a.order, &a.deadline} {
			if *n, ok = parseNumber(part[1+i]); !ok {
				return entry{}, errEntry
			}
		}
		if len(e.attempts) > 0 && a.number <= e.number() {
			return entry{}, errEntry
		}
		e.attempts = append(e.attempts, a)
	}
	return e, nil
}

func splitFields(raw string) (fields []string, ok bool) {
	for raw != "" {
		length, rest, found := strings.Cut(raw, ":")
		n, valid := parseNumber(length)
		if !found || !valid || n > int64(len(rest)) {
			return nil, false
		}
		fields = append(fields, rest[:n])
		raw = rest[n:]
	}
	return fields, true
}

// decodeEntries reads keys and values in turn. With an error it still returns
// those that it can read.
func decodeEntries(flat []string) (list []entry, err error) {
	if len(flat)%2 != 0 {
		return nil, fmt.Errorf("index: %d keys and values", len(flat))
	}
	for pair := range slices.Chunk(flat, 2) {
		e, bad := decodeEntry(session.Key(pair[0]), pair[1])
		if bad != nil {
			err = errUnknownForm
			continue
		}
		list = append(list, e)
	}
	return list, err
}

package redisstore

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// decodeLoad reads the reply of a load or an inspection: words, or the packed
// fields of the record. The record's strings and values are parts of it.
func decodeLoad(r reply) (*session.Record, error) {
	if r.text == "" || r.text[0] < 0x80 {
		return nil, refusal(r.text, nil)
	}
	u := unpacker{reply: r}
	rec := &session.Record{}
	n := u.array()
	if err := decodeFields(&u, n/2, rec); err != nil {
		return nil, err
	}
	from, to := u.string()
	w := wordReader{rest: r.text[from:to]}
	rec.Presented, rec.Current = int(w.number(w.next())), w.next() == "1"
	rec.Now = time.UnixMilli(w.number(w.rest)).UTC()
	if u.bad || w.bad || n%2 != 1 || u.at != len(r.text) {
		return nil, errors.New("redisstore: script answered with another form")
	}
	return rec, nil
}

// The fields that every record has, as bits.
const (
	hasFormat = 1 << iota
	hasVersion
	hasGeneration
	hasVerifier
	hasCreated
	hasIdle
	hasWrites
	hasSize
	hasAll = 1<<iota - 1
)

// decodeFields reads n fields and their values, in any order.
func decodeFields(u *unpacker, n int, rec *session.Record) error {
	if u.bad || n > len(u.bytes) {
		return fmt.Errorf("%w: its fields are cut off", ErrCorrupt)
	}
	rec.Attributes = make(map[string][]byte, max(0, n-8))
	d := fieldDecoder{rec: rec}
	for range n {
		nameFrom, nameTo := u.string()
		from, to := u.string()
		if u.bad {
			return fmt.Errorf("%w: its fields are cut off", ErrCorrupt)
		}
		name := u.text[nameFrom:nameTo]
		if strings.HasPrefix(name, "@") {
			rec.Attributes[name[1:]] = u.bytes[from:to:to] // full: an append must not reach the next one
			continue
		}
		d.field(name, u.text[from:to])
		if d.w.bad {
			return fmt.Errorf("%w: field %.20q", ErrCorrupt, name)
		}
	}
	if d.has != hasAll {
		return fmt.Errorf("%w: its bookkeeping is incomplete", ErrCorrupt)
	}
	if rec.Gone != "" {
		rec.Attributes = nil
	}
	return nil
}

type fieldDecoder struct {
	rec *session.Record
	w   wordReader
	has int
}

// field reads a field of bookkeeping.
func (d *fieldDecoder) field(name, value string) {
	r, w := d.rec, &d.w
	switch name {
	case "_f":
		r.Format = int(w.number(value))
		d.has |= hasFormat
	case "_v":
		r.Version = w.version(value)
		d.has |= hasVersion
	case "_g":
		r.Generation = w.number(value)
		d.has |= hasGeneration
	case "_k":
		r.Verifier = w.hash(value)
		d.has |= hasVerifier
	case "_o":
		r.Superseded = w.superseded(value)
	case "_c":
		r.Created = w.instant(value)
		d.has |= hasCreated
	case "_a":
		r.Accessed = w.instant(value)
	case "_i":
		r.Idle = w.millis(value)
		d.has |= hasIdle
	case "_x":
		r.Absolute = w.instant(value)
	case "_w":
		r.Writes = w.writes(value)
		d.has |= hasWrites
	case "_p":
		r.Principal = value
	case "_e":
		r.Epoch = w.number(value)
	case "_t":
		r.Authenticated = w.instant(value)
	case "_l":
		r.Persistent = value == "1"
	case "_z":
		r.Size = int(w.number(value))
		d.has |= hasSize
	case "_d":
		r.Gone = session.Reason(value)
	default:
		w.bad = true
	}
}

func (w *wordReader) hash(s string) (h session.Hash) {
	w.bad = w.bad || copy(h[:], s) != len(h) || len(s) != len(h)
	return h
}

func (w *wordReader) millis(s string) time.Duration {
	n := w.number(s)
	if n < 0 || n > math.MaxInt64/int64(time.Millisecond) {
		w.bad = true
	}
	return time.Duration(n) * time.Millisecond
}

// superseded reads what generation.lua writes.
func (w *wordReader) superseded(s string) []session.Superseded {
	list := make([]session.Superseded, 0, session.MaxSuperseded)
	w.bad = w.bad || s == ""
	for s != "" && !w.bad {
		n := len(session.Hash{})
		if len(s) < n {
			w.bad = true
			break
		}
		hash := s[:n]
		line, rest, ok := strings.Cut(s[n:], "\n")
		w.bad = w.bad || !ok
		line, names, fenced := strings.Cut(line, "\t")
		l := wordReader{rest: line}
		g := session.Superseded{
			Verifier:    w.hash(hash),
			Generation:  l.number(l.next()),
			LoadUntil:   l.instant(l.next()),
			Open:        l.flag(l.next()),
			CommitUntil: l.instant(l.next()),
			SignIn:      l.flag(l.next()),
		}
		w.bad = w.bad || l.bad || l.rest != ""
		if fenced {
			g.Fenced = strings.Split(names, "\t")
		}
		list, s = append(list, g), rest
	}
	return list
}

func (w *wordReader) flag(s string) bool {
	w.bad = w.bad || s != "0" && s != "1"
	return s == "1"
}

// writes reads what writes.lua writes. Every load does, so it goes through the
// text just once.
func (w *wordReader) writes(s string) []session.Write {
	list := make([]session.Write, 0, session.MaxWrites)
	all := make([]int64, 0, session.MaxWrites) // the values of all, mostly in one piece
	w.bad = w.bad || s == ""
	for s != "" {
		id, rest, ok := strings.Cut(s[1:], ":")
		n, end := leadingNumber(rest)
		if s[0] != '\n' || !ok || end == 0 || !strings.HasPrefix(rest[end:], ":") {
			w.bad = true
			return nil
		}
		write := session.Write{Base: n}
		if write.ID, ok = parseWriteID(id); !ok {
			w.bad = true
		}
		from := len(all)
		for s = rest[end+1:]; s != "" && s[0] != '\n'; s = s[end+1:] {
			if n, end = leadingNumber(s); end == len(s) || s[end] != ',' {
				w.bad = true
				return nil
			}
			all = append(all, n)
		}
		write.Values = all[from:len(all):len(all)]
		list = append(list, write)
	}
	return list
}

// leadingNumber is the decimal int64 that s begins with, and where it ends: at
// 0 if there is none.
func leadingNumber(s string) (n int64, end int) {
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '-') {
		end++
	}
	if end == 0 {
		return 0, 0
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil {
		return 0, 0
	}
	return n, end
}

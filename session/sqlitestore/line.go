package sqlitestore

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// line reads the words of one line; the first error stays.
type line struct {
	rest string
	err  error
}

func (l *line) fail(text string) {
	if l.err == nil {
		l.err = errors.New(text)
	}
}

// end is the error of the line, one of its own if something is left.
func (l *line) end() error {
	if l.rest != "" {
		l.fail("line is too long")
	}
	return l.err
}

func (l *line) word() string {
	if !strings.HasPrefix(l.rest, `"`) {
		w, rest, _ := strings.Cut(l.rest, " ")
		if w == "" {
			l.fail("word is missing")
		}
		l.rest = rest
		return w
	}
	quoted, err := strconv.QuotedPrefix(l.rest)
	if err != nil {
		l.fail("word is not quoted well")
		return ""
	}
	w, err := strconv.Unquote(quoted)
	if err != nil {
		l.fail("word is not quoted well")
	}
	l.rest = strings.TrimPrefix(l.rest[len(quoted):], " ")
	return w
}

func (l *line) number() int64 {
	n, err := strconv.ParseInt(l.word(), 10, 64)
	if err != nil {
		l.fail("number expected")
	}
	return n
}

func (l *line) flag() bool {
	v, err := strconv.ParseBool(l.word())
	if err != nil {
		l.fail("true or false expected")
	}
	return v
}

func (l *line) moment() time.Time {
	if rest, ok := strings.CutPrefix(l.rest, "-"); ok && (rest == "" || rest[0] == ' ') {
		l.rest = strings.TrimPrefix(rest, " ")
		return time.Time{}
	}
	return time.UnixMilli(l.number()).UTC()
}

func (l *line) millis() time.Duration {
	n := l.number()
	if n < 0 || n > math.MaxInt64/int64(time.Millisecond) {
		l.fail("duration out of range")
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

func (l *line) hash() (h session.Hash) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(l.word())
	if err != nil || len(b) != len(h) {
		l.fail("hash expected")
		return h
	}
	return session.Hash(b)
}

// version reads "number-write"; the number may be negative.
func (l *line) version() (v session.Version) {
	i := strings.IndexByte(l.rest[min(1, len(l.rest)):], '-') + 1
	n, err := strconv.ParseInt(l.rest[:i], 10, 64)
	if err != nil {
		l.fail("version expected")
		return v
	}
	l.rest = l.rest[i+1:]
	return session.Version{N: n, Write: l.word()}
}

func (l *line) superseded() session.Superseded {
	s := session.Superseded{
		Verifier:    l.hash(),
		Generation:  l.number(),
		LoadUntil:   l.moment(),
		Open:        l.flag(),
		CommitUntil: l.moment(),
		SignIn:      l.flag(),
	}
	for l.rest != "" && l.err == nil {
		s.Fenced = append(s.Fenced, l.word())
	}
	return s
}

func (l *line) write() session.Write {
	w := session.Write{ID: l.word(), Base: l.number()}
	for l.rest != "" && l.err == nil {
		w.Values = append(w.Values, l.number())
	}
	return w
}

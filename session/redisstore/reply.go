package redisstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// reply is what a script has returned, as text and as the same bytes.
type reply struct {
	text  string
	bytes []byte // belong to rueidis, which wants nobody to change them
}

func newReply(res rueidis.RedisResult) (reply, error) {
	text, err := res.ToString()
	if err != nil {
		return reply{}, err
	}
	b, err := res.AsBytes()
	return reply{text, b}, err
}

// owned is the reply with bytes that may be changed.
func (r reply) owned() reply { return reply{r.text, []byte(r.text)} }

// done is what a commit's script says of a change that was applied.
type done struct {
	session.Result
	// previous is the version that the change was applied to, zero if there
	// was none or if the change was applied earlier.
	previous session.Version
}

// parseDone reads "ok RENEWED REPEATED VERSION GENERATION NOW VALUES PREVIOUS"
// (see accept.lua), where the two flags are one word, or returns the error
// that other words stand for.
func parseDone(reply string, c *session.Change) (done, error) {
	words, ok := strings.CutPrefix(reply, "ok ")
	if !ok {
		return done{}, refusal(reply, c)
	}
	var d done
	w := wordReader{rest: words}
	flags := w.next()
	d.Renewed, d.Repeated = flags == "10" || flags == "11", flags == "01" || flags == "11"
	if version := w.next(); strings.IndexByte(version, '-') > 0 {
		d.Version = w.version(version)
	} else {
		d.Version = session.Version{N: w.number(version), Write: c.WriteID}
	}
	d.Generation = w.number(w.next())
	d.Now = time.UnixMilli(w.number(w.next())).UTC()
	d.Values = w.values(w.next(), nil)
	if w.rest != "" {
		d.previous = w.version(w.rest)
	}
	if w.bad {
		return done{}, fmt.Errorf("redisstore: script answered %.80q", reply)
	}
	return d, nil
}

// wordReader reads words. What is not of the expected form makes it bad.
type wordReader struct {
	rest string
	bad  bool
}

func (w *wordReader) next() string {
	word, rest, _ := strings.Cut(w.rest, " ")
	w.rest = rest
	return word
}

func (w *wordReader) number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	w.bad = w.bad || err != nil
	return n
}

// instant is a time; empty is zero.
func (w *wordReader) instant(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	return time.UnixMilli(w.number(s)).UTC()
}

// version reads "<n>-<write ID>".
func (w *wordReader) version(s string) session.Version {
	at := strings.IndexByte(s, '-')
	if at == 0 { // a negative number
		at = strings.IndexByte(s[1:], '-') + 1
	}
	if at <= 0 {
		w.bad = true
		return session.Version{}
	}
	id, ok := parseWriteID(s[at+1:])
	w.bad = w.bad || !ok
	return session.Version{N: w.number(s[:at]), Write: id}
}

// values reads the values of a write, each of which is a number, or empty for
// 0, and a comma. It appends them to list.
func (w *wordReader) values(s string, list []int64) []int64 {
	if list == nil {
		list = make([]int64, 0, strings.Count(s, ","))
	}
	for s != "" {
		value, rest, ok := strings.Cut(s, ",")
		var n int64
		if value != "" {
			n = w.number(value)
		}
		w.bad = w.bad || !ok
		list, s = append(list, n), rest
	}
	return list
}

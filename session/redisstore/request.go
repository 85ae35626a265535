package redisstore

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// A request is what a script is called with: its key, then its arguments. All
// are parts of one string, because most of what a call costs is allocations.
type request struct {
	text    strings.Builder
	ends    []int
	tracked bool // what it writes is read afterwards, so that the server tells of the next change
}

// session begins the request for a session; it returns false if there can be
// none of that key.
func (r *request) session(keys keyspace, key session.Key) bool {
	var space [128]byte
	name, ok := keys.appendSession(space[:0], key)
	r.text.Grow(256)
	r.ends = make([]int, 0, 8)
	r.bytes(name)
	return ok
}

func (r *request) end() { r.ends = append(r.ends, r.text.Len()) }

func (r *request) string(s string) {
	r.text.WriteString(s)
	r.end()
}

func (r *request) bytes(b []byte) {
	r.text.Write(b)
	r.end()
}

func (r *request) digits(n int64) {
	var space [20]byte
	r.text.Write(strconv.AppendInt(space[:0], n, 10))
}

func (r *request) number(n int64) {
	r.digits(n)
	r.end()
}

// instant is a time, empty if it is zero.
func (r *request) instant(t time.Time) {
	if !t.IsZero() {
		r.digits(t.UnixMilli())
	}
	r.end()
}

// word writes to an argument that goes on.
func (r *request) word(s string) {
	r.text.WriteString(s)
	r.text.WriteByte(' ')
}

func (r *request) wordNumber(n int64) {
	r.digits(n)
	r.text.WriteByte(' ')
}

// parts are the key and the arguments.
func (r *request) parts() (key string, args []string) {
	text, from := r.text.String(), r.ends[0]
	args = make([]string, len(r.ends)-1)
	for i, end := range r.ends[1:] {
		args[i] = text[from:end]
		from = end
	}
	return text[:r.ends[0]], args
}

// load is the request of a load; see load.lua.
func (r *request) load(clock string, opt *session.LoadOptions) {
	if opt.Passive {
		r.text.WriteByte('p')
	} else {
		r.text.WriteByte('a')
	}
	r.string(clock)
	for i := range opt.Verifiers {
		r.text.Write(opt.Verifiers[i][:])
	}
	r.end()
}

// change is the request of a commit or an invalidation; see change.lua and
// parts.lua.
func (r *request) change(clock string, c *session.Change) {
	r.head(clock, c)
	if c.Invalidate != "" {
		r.string(string(c.Invalidate))
		return
	}
	if in := c.Start; in != nil {
		r.bytes(in.Verifier[:])
		r.number(in.Idle.Milliseconds())
		r.instant(in.Absolute)
	}
	if in := c.SignIn; in != nil {
		r.string(in.Principal)
		r.number(in.Epoch)
		r.instant(in.Absolute)
		if in.Idle > 0 {
			r.number(in.Idle.Milliseconds())
		} else {
			r.end()
		}
	}
	if c.Renew != nil {
		r.bytes(c.Renew.Verifier[:])
		r.fence(c)
	}
	for i := range c.Ops {
		r.op(&c.Ops[i])
	}
}

func (r *request) head(clock string, c *session.Change) {
	r.word(clock)
	r.wordNumber(deadline(c.NotAfter))
	var space [3 * session.MaxWriteIDBytes]byte
	r.text.Write(appendWriteID(space[:0], c.WriteID))
	r.word("")
	if c.Retry {
		r.wordNumber(c.Base.N)
	} else {
		r.word("")
	}
	r.wordNumber(c.Generation)
	for _, f := range [...]struct {
		set  bool
		flag byte
	}{
		{c.Retry, 'R'},
		{c.Passive, 'P'},
		{c.Clear, 'C'},
		{c.Invalidate != "", 'D'},
		{c.Start != nil, 'S'},
		{c.SignIn != nil, 'I'},
		{c.SignIn != nil && c.SignIn.Persistent, 'L'},
		{c.Renew != nil, 'N'},
		{c.Renew != nil && c.Renew.Strict, 'X'},
		{r.tracked, 'T'},
	} {
		if f.set {
			r.text.WriteByte(f.flag)
		}
	}
	r.word("")
	if l := c.Limits; l != (session.Limits{}) {
		r.wordNumber(int64(l.AttributeBytes))
		r.wordNumber(int64(l.SessionBytes))
		r.digits(int64(l.Attributes))
	}
	r.end()
}

// deadline is the first millisecond that is too late for NotAfter.
func deadline(t time.Time) int64 {
	const most = 1 << 52 // further away than clocks go
	if s := t.Unix(); s > most/1000 {
		return most
	} else if s < -most/1000 {
		return -most
	}
	return t.Add(time.Millisecond - time.Nanosecond).UnixMilli()
}

// fence is what a sign-in closes to requests from before, in the form of
// generation.lua.
func (r *request) fence(c *session.Change) {
	switch {
	case c.SignIn == nil:
	case c.Clear:
		r.text.WriteByte('\t')
		r.text.WriteString(session.FencedAll)
	default:
		names := make([]string, len(c.Ops))
		for i := range c.Ops {
			names[i] = c.Ops[i].Name
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			r.text.WriteByte('\t')
			r.text.WriteString(name)
		}
	}
	r.end()
}

// opKinds are the letters of parts.lua.
const opKinds = "sralud"

func (r *request) op(op *session.Op) {
	option := byte('0')
	if op.Privileged {
		option++
	}
	if op.Expect != nil {
		option += 2
		if op.Expect.Present {
			option += 2
		}
	}
	r.text.Write([]byte{opKinds[op.Kind], option, '@'})
	r.string(op.Name)
	switch op.Kind {
	case session.OpSet:
		r.bytes(op.Value)
	case session.OpRemove:
	case session.OpAdd:
		r.number(op.N)
	case session.OpAppend, session.OpUnion, session.OpDiff:
		r.bytes(session.EncodeElements(op.Elements))
		if op.Kind == session.OpAppend {
			r.number(int64(op.Max))
		}
	}
	if op.Expect != nil && op.Expect.Present {
		r.bytes(op.Expect.Value)
	}
}

// Write IDs may be any bytes. In the store, what is not a letter or digit of
// base64url is %XX, so that they are words of one line.

func appendWriteID(b []byte, id string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(id) {
		if c := id[i]; sextet(c) <= 63 {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// parseWriteID is the inverse of appendWriteID.
func parseWriteID(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, s != ""
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b = append(b, byte(c))
		i += 2
	}
	return string(b), true
}

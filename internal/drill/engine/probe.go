package engine

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Probe is the dialect of the probe contract: calls below a prefix, parameters
// in the query, JSON answers, a secret in a header. Of the fields only Secret
// has no usable zero value.
type Probe struct {
	Prefix string // of the paths; "" is /probe
	Header string // that carries the secret; "" is X-Evenkeel-Probe
	Secret string
	// Cookie is the name of the session cookie. "" lets Scout find it.
	Cookie string
	// InstanceHeader names the instance that answered; "" is X-Instance. An
	// answer without it names its instance in "i".
	InstanceHeader string

	missing [history.Stream + 1]bool // answered 404 to the scout
}

// Offers tells whether the scout found the call.
func (p Probe) Offers(k history.Kind) bool {
	if k == history.Replay {
		return p.Cookie != "" && !p.missing[history.State]
	}
	return int(k) < len(p.missing) && !p.missing[k]
}

// Perform makes a call by one request.
func (p Probe) Perform(send Send, c Call, op *history.Op) Exchange {
	x := send(p.Request(c))
	p.Read(op, &x)
	return x
}

var probeCalls = [...]struct{ method, path string }{
	history.Login:  {"POST", "/login"},
	history.Append: {"POST", "/append"},
	history.State:  {"GET", "/state"},
	history.Incr:   {"POST", "/incr"},
	history.Rotate: {"POST", "/rotate"},
	history.Logout: {"POST", "/logout"},
	history.Replay: {"GET", "/state"},
	history.Slow:   {"GET", "/slow"},
	history.Stream: {"GET", "/stream"},
}

// Request is the call on the wire. A call with Cookie presents that value; a
// replay nothing else.
func (p Probe) Request(c Call) Request {
	r := Request{Method: probeCalls[c.Kind].method, Fields: []Field{{cmp.Or(p.Header, "X-Evenkeel-Probe"), p.Secret}}}
	path := "/" + strings.Trim(cmp.Or(p.Prefix, "/probe"), "/") + probeCalls[c.Kind].path
	switch c.Kind {
	case history.Login:
		path += "?u=" + url.QueryEscape(c.User)
	case history.Append:
		path += "?k=" + url.QueryEscape(c.Key) + "&t=" + url.QueryEscape(c.Token)
	case history.Slow:
		path += "?ms=" + strconv.FormatInt(c.Time.Milliseconds(), 10)
		r.Longer = c.Time
	case history.Replay:
		r.Detached = true
	case history.State, history.Incr, history.Rotate, history.Logout, history.Stream:
	}
	r.Path = path
	if c.Cookie != "" && p.Cookie != "" {
		r.Cookie = p.Cookie + "=" + c.Cookie
	}
	return r
}

// Read fills op: 200 is OK, 401 Failed and Anonymous, another 4xx Failed, as is
// a request that was never sent; all else is Unknown. A 200 whose body is not
// what the contract says is a failure "malformed".
func (p Probe) Read(op *history.Op, x *Exchange) {
	whole := facts(op, x)
	if p.Cookie != "" {
		op.Sent = cookieIn(x.Cookie, p.Cookie)
		op.SetCookie = p.given(x.Header)
	}
	op.Instance = x.Header.Get(cmp.Or(p.InstanceHeader, "X-Instance"))
	if !whole {
		return
	}
	switch op.Kind {
	case history.Login, history.Slow:
	default:
		op.Anonymous = op.Status == http.StatusUnauthorized
	}
	if op.Outcome == history.OK {
		p.body(op, x)
	}
}

// given is the value of the session cookie that the answer leaves the user
// with, "" if it sets none or takes it away.
func (p Probe) given(h http.Header) (value string) {
	now := time.Now()
	for _, line := range h["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.Name != p.Cookie {
			continue
		}
		value = valueOf(c)
		if until := expiry(c, now); !until.IsZero() && !until.After(now) {
			value = ""
		}
	}
	return value
}

// body reads what a 200 shows.
func (p Probe) body(op *history.Op, x *Exchange) {
	var b struct {
		User     *string  `json:"u"`
		Tokens   []string `json:"t"`
		N        *int64   `json:"n"`
		Instance string   `json:"i"`
	}
	err := json.Unmarshal(x.Body, &b)
	valid := err == nil && !x.Truncated
	switch op.Kind {
	case history.State, history.Replay:
		valid = valid && b.User != nil
	case history.Incr:
		valid = valid && b.N != nil
	case history.Login:
		if !valid || b.User == nil { // the contract asks for no body
			return
		}
	case history.Append, history.Rotate, history.Logout, history.Slow, history.Stream:
		return
	}
	if !valid {
		op.Outcome = history.Unknown
		op.Failure = &history.Failure{What: "malformed", Idempotent: probeCalls[op.Kind].method == "GET", Answered: true}
		return
	}
	op.Seen = &history.Seen{Tokens: b.Tokens}
	if b.User != nil {
		op.Seen.User = *b.User
	}
	if b.N != nil {
		op.Seen.N = *b.N
	}
	op.Instance = cmp.Or(op.Instance, b.Instance)
}

package journey

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// maxHops bounds the redirects that one step follows.
const maxHops = 8

// run is one call under way.
type run struct {
	j    *Journey
	send engine.Send
	call engine.Call
	op   *history.Op
	vars map[string]string // picked in this call

	first    *engine.Exchange
	x        engine.Exchange // the last
	path     string          // that it asked for
	masked   *history.Failure
	explicit string // cookies presented instead of the jar's, until the service gives others
	given    string // the credential that the answers have left the user with; "" none was set
	entered  string // cookies presented with the first request of a login that is no GET
	wrote    bool   // a request that may have an effect was sent
	err      error  // why the answer is not what the steps say, for people
}

func (j *Journey) begin(send engine.Send, c engine.Call, op *history.Op) *run {
	r := &run{j: j, send: send, call: c, op: op, vars: map[string]string{}}
	if j.byCookie() {
		r.explicit = c.Cookie
	}
	return r
}

// steps makes the requests of a list; false where one did not come to a good
// end: it failed, or lacked what it has to show.
func (r *run) steps(list []Step) bool {
	for i := range list {
		s := list[i].request()
		if !r.step(s) || !r.pick(s.pick) {
			return false
		}
		if i < len(list)-1 && !r.good(s.status) {
			r.err = fmt.Errorf("%s %s answered %d", s.method, r.path, r.x.Status)
			return false
		}
	}
	return true
}

// good: the status is the one of success.
func (r *run) good(status int) bool {
	if status != 0 {
		return r.x.Status == status
	}
	ok := r.x.Status >= 200 && r.x.Status < 400
	if r.op.Kind == history.Login || r.op.Kind == history.Logout { // they may lead where strangers are sent
		return ok
	}
	return ok && !r.strange()
}

// step makes one request, and follows redirects where it is to.
func (r *run) step(s request) bool {
	req, err := r.request(s)
	if err != nil {
		r.err = err
		return false
	}
	if !r.exchange(req) {
		return false
	}
	for range maxHops {
		if !s.follow || !engine.IsRedirect(r.x.Status) {
			return true
		}
		next, err := r.j.client.Within(r.path, r.x.Header.Get("Location"))
		if err != nil {
			r.err = err
			return false
		}
		req.Path = next
		if r.x.Status != http.StatusTemporaryRedirect && r.x.Status != http.StatusPermanentRedirect {
			req.Method, req.Body = http.MethodGet, nil
			req.Fields = slices.DeleteFunc(req.Fields, func(f engine.Field) bool { return f.Name == "Content-Type" })
		}
		if !r.exchange(req) {
			return false
		}
	}
	r.err = fmt.Errorf("more than %d redirects, the last to %s", maxHops, r.path)
	return false
}

// exchange sends a request; false where it failed.
func (r *run) exchange(req engine.Request) bool {
	req.Cookie = r.explicit
	req.Detached = r.op.Kind == history.Replay
	r.path = req.Path
	r.x = r.send(req)
	if r.first == nil {
		first := r.x
		r.first = &first
	}
	if r.op.Kind == history.Login && req.Method != http.MethodGet && !r.wrote {
		r.entered = r.x.Cookie
	}
	r.wrote = r.wrote || req.Method != http.MethodGet && r.x.Sent >= 0
	r.accept(r.x.Cookie, r.x.Header)
	if r.x.Failure != nil && r.x.Failure.Masked {
		r.masked = r.x.Failure
	}
	if r.x.Failure == nil || r.x.Failure.Masked {
		if r.x.Truncated {
			r.err = fmt.Errorf("%s %s answered with too long a body", req.Method, r.path)
			return false
		}
		return true
	}
	return false
}

// accept notes what the answer makes of the cookies that open the session.
func (r *run) accept(sent string, h http.Header) {
	if !r.j.byCookie() || len(h["Set-Cookie"]) == 0 {
		return
	}
	before := credentialIn(sent, r.j.cookies)
	after, set := applied(before, h, r.j.cookies)
	if set {
		r.given = after
	}
	if set && r.op.Kind != history.Replay {
		r.explicit = "" // the jar has the new one
	}
}

// value is a variable: picked just now, given with the call, picked by the
// login, or of the account.
func (r *run) value(name string) (string, bool) {
	if v, ok := r.vars[name]; ok {
		return v, true
	}
	switch name {
	case "token":
		if r.call.Kind == history.Append {
			return r.j.tokens.wire(r.call.Token), true
		}
	case "key":
		if r.call.Kind == history.Append {
			return r.call.Key, true
		}
	}
	if r.op.Kind != history.Login {
		if picked, ok := r.j.sessions.Load(r.op.User); ok {
			if v, ok := picked.(map[string]string)[name]; ok {
				return v, true
			}
		}
	}
	if v, ok := r.j.c.Accounts.value(r.op.User, name); ok {
		return v, true
	}
	v, ok := r.j.c.Vars[name]
	return v, ok
}

// pick takes values out of the last answer.
func (r *run) pick(set map[string]Pattern) bool {
	for name, p := range set {
		v, ok := p.first(&r.x)
		if !ok {
			r.err = fmt.Errorf("%s: nothing in the answer matches %s for {{%s}}", r.path, p, name)
			return false
		}
		r.vars[name] = v
	}
	return true
}

// keep has the rest of the session use what was picked.
func (r *run) keep() {
	all := map[string]string{}
	if before, ok := r.j.sessions.Load(r.op.User); ok && r.op.Kind != history.Login {
		maps.Copy(all, before.(map[string]string))
	}
	maps.Copy(all, r.vars)
	r.j.sessions.Store(r.op.User, all)
}

// answer is the form of the last answer.
func (r *run) answer() answer {
	a := answer{status: r.x.Status, path: r.path}
	if engine.IsRedirect(a.status) {
		next, err := r.j.client.Within(r.path, r.x.Header.Get("Location"))
		if err != nil {
			next = r.x.Header.Get("Location")
		}
		a.path = next
	}
	a.path, _, _ = strings.Cut(a.path, "?")
	return a
}

// strange: the last answer, to anything but the marker, is one for strangers.
func (r *run) strange() bool {
	switch s := r.j.stranger; {
	case r.x.Status == http.StatusUnauthorized:
		return true
	case r.x.Status == http.StatusForbidden:
		return s.status == http.StatusForbidden
	case engine.IsRedirect(r.x.Status):
		return engine.IsRedirect(s.status) && r.answer().path == s.path
	}
	return false
}

package journey

import (
	"cmp"
	"strconv"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Perform implements engine.Dialect.
func (j *Journey) Perform(send engine.Send, c engine.Call, op *history.Op) engine.Exchange {
	r := j.begin(send, c, op)
	r.perform()
	return r.end()
}

// perform makes the call and judges its last answer.
func (r *run) perform() {
	switch r.op.Kind {
	case history.State:
		r.state()
		return
	case history.Replay:
		r.marker()
		return
	default:
	}
	list := r.j.steps(r.op.Kind)
	if !r.steps(list) {
		r.broken()
		return
	}
	status := list[len(list)-1].Status
	switch r.op.Kind {
	case history.Login:
		r.login(status)
	case history.Logout:
		r.logout(status)
	default:
		r.work(status)
	}
}

// broken judges a call that was broken off. A failed request speaks for itself;
// else a stranger's answer makes it one, a 4xx a refusal, and the rest is not
// what the steps say: a failure of its own.
func (r *run) broken() {
	switch {
	case r.x.Failure != nil && !r.x.Failure.Masked:
		r.op.Outcome = history.Unknown
		if !r.wrote {
			r.op.Outcome = history.Failed
		}
	case r.op.Kind != history.Login && r.x.Status != 0 && r.strange():
		r.op.Anonymous = true
		r.op.Outcome = r.without()
	case r.op.Kind != history.Login && r.x.Status >= 400:
		r.op.Outcome = r.without()
	default:
		r.malformed()
		r.op.Outcome = r.without()
	}
}

// without is the outcome of a call whose decisive request was not made, or was
// refused.
func (r *run) without() history.Outcome {
	if r.wrote && r.x.Status < 400 && !r.op.Anonymous {
		return history.Unknown
	}
	return history.Failed
}

// malformed: a whole answer, and not what the steps say.
func (r *run) malformed() {
	r.op.Outcome = history.Unknown
	r.op.Failure = &history.Failure{What: "malformed", Idempotent: !r.wrote, Answered: true}
}

// login: the scout has seen how one that works ends. Credentials are right, so
// what a service refuses is a failed request to its user.
func (r *run) login(status int) {
	if !r.good(status) || !r.j.endsLogin(r.answer()) {
		r.malformed()
		r.op.Outcome = history.Failed
		return
	}
	r.keep()
	r.j.shown.LoadOrStore(r.j.c.Accounts.shown(r.op.User), history.UserName(r.op.User))
}

// endsLogin tells whether an answer is like the one to a login that worked. The
// place that it leads to may be the user's own, but not where strangers are
// sent, nor the form once more.
func (j *Journey) endsLogin(a answer) bool {
	known := j.signedIn
	switch {
	case a == known || known == answer{}:
		return true
	case engine.IsRedirect(a.status) != engine.IsRedirect(known.status):
		return false
	case a.path == known.path:
		return true
	}
	for i := range j.c.Login {
		if s := j.c.Login[i].request(); s.path.String() == a.path {
			return false
		}
	}
	return a.path != j.stranger.path
}

// logout: signed out is what was asked for, also where nobody was signed in.
func (r *run) logout(status int) {
	switch {
	case status != 0 && r.x.Status == status, status == 0 && r.x.Status < 400, r.x.Status == 401:
	case r.x.Status >= 400:
		r.op.Outcome = history.Failed
	default:
		r.malformed()
	}
}

// work is a write, a ticket or a renewal.
func (r *run) work(status int) {
	switch {
	case r.strange():
		r.op.Anonymous, r.op.Outcome = true, history.Failed
	case r.good(status):
		r.worked()
	case r.x.Status >= 400:
		r.op.Outcome = history.Failed
	default:
		r.malformed()
	}
}

func (r *run) worked() {
	switch r.op.Kind {
	case history.Rotate:
		r.keep()
	case history.Incr:
		n, err := strconv.ParseInt(r.vars["n"], 10, 64)
		if err != nil {
			r.malformed()
			return
		}
		r.op.Seen = &history.Seen{N: n}
	default:
	}
}

// end fills in what all calls have, and gives the exchange that decided.
func (r *run) end() engine.Exchange {
	op := r.op
	x := r.x
	if r.first == nil { // a variable without a value: nothing was sent
		op.Outcome = history.Failed
		r.malformed()
		return x
	}
	x.Due, x.Call, x.Sent = r.first.Due, r.first.Call, r.first.Sent
	op.Call, op.Return, op.Status = x.Call, x.Return, x.Status
	if op.Failure == nil {
		op.Failure = x.Failure
	}
	if op.Failure == nil {
		op.Failure = r.masked
	}
	op.Instance = x.Header.Get(cmp.Or(r.j.c.InstanceHeader, "X-Instance"))
	op.Cache = engine.Cache(x.Header)
	r.credentials()
	return x
}

// credentials notes what was presented and what was given. Where there is no
// renewal, only a login gives one: services that write the same session into a
// new cookie each time renew nothing.
func (r *run) credentials() {
	op := r.op
	gives := op.Kind == history.Login || len(r.j.c.Rotate) > 0
	if r.j.byCookie() {
		op.Sent = joined(credentialIn(cmp.Or(r.entered, r.x.Cookie), r.j.cookies))
		if gives {
			op.SetCookie = r.given
		}
		return
	}
	if op.Kind == history.Replay {
		op.Sent = r.call.Cookie
		return
	}
	if op.Kind != history.Login && op.Kind != history.Rotate || op.Outcome != history.OK {
		return
	}
	for _, t := range r.j.c.Credential.Header {
		if v, err := t.field(r.value); err == nil {
			op.SetCookie = v
		}
	}
}

package journey

import (
	"strconv"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// state looks at what was written, where that is configured, and at who is
// signed in.
func (r *run) state() {
	if !r.j.c.Read.set {
		r.marker()
		return
	}
	if !r.page(&r.j.c.Read) {
		return
	}
	seen := history.Seen{Tokens: r.j.tokens.of(r.j.c.Read.find.all(&r.x), r.op)}
	shown := false
	if r.j.both {
		seen.User, shown = r.who()
	}
	if r.j.c.Count.set && !r.count(&seen) {
		return
	}
	if shown && seen.User != r.j.guest {
		r.op.Seen = &seen
		return
	}
	if r.marker(); r.op.Seen != nil {
		seen.User = r.op.Seen.User
		r.op.Seen = &seen
	}
}

// count reads the last number drawn.
func (r *run) count(seen *history.Seen) bool {
	if !r.page(&r.j.c.Count) {
		return false
	}
	text, _ := r.j.c.Count.find.first(&r.x)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.malformed()
	}
	seen.N = n
	return err == nil
}

// page gets a page; false where it was not to be had.
func (r *run) page(p *Page) bool {
	if !r.step(p.request()) {
		r.broken()
		return false
	}
	switch {
	case p.good(r.x.Status):
		return true
	case r.strange():
		r.op.Anonymous, r.op.Outcome = true, history.Failed
	case r.x.Status >= 400:
		r.op.Outcome = history.Failed
	default:
		r.malformed()
	}
	return false
}

// good: the status is the one of success.
func (p *Page) good(status int) bool {
	if p.Status != 0 {
		return status == p.Status
	}
	return status >= 200 && status < 300
}

// marker looks at who is signed in.
func (r *run) marker() {
	p := &r.j.c.Marker
	if !r.step(p.request()) {
		r.broken()
		return
	}
	who, shown := r.who()
	good := p.good(r.x.Status)
	switch {
	case good && shown && (who != r.j.guest || who == history.UserName(r.op.User)):
		r.op.Seen = &history.Seen{User: who, MarkerOnly: true}
	case good && shown, r.x.Status == 401, r.answer() == r.j.stranger:
		r.op.Anonymous, r.op.Outcome = true, history.Failed
	default:
		r.malformed()
	}
}

// who is shown by the last answer: the history's name where it is a user of
// this drill. A marker without a pattern shows its own user by its status.
func (r *run) who() (string, bool) {
	p := &r.j.c.Marker
	own := history.UserName(r.op.User)
	if p.find.empty() {
		return own, r.x.Status == p.Status
	}
	text, ok := p.find.first(&r.x)
	if !ok || text == "" {
		return "", false
	}
	if text == r.j.c.Accounts.shown(r.op.User) {
		return own, true
	}
	return r.j.name(text), true
}

// name is the history's name of whom a page shows, and for others the text.
func (j *Journey) name(text string) string {
	if name, ok := j.shown.Load(text); ok {
		return name.(string)
	}
	if _, ours := history.TokenUser(text + "-"); ours { // somebody whose name looks like one of the history's
		return strconv.Quote(text)
	}
	return text
}

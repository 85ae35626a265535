package journey

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

const (
	// A service that keeps sessions in its instances answers many requests as
	// if nobody were signed in, and has to be drilled all the same: of two
	// instances in turn one knows the user.
	scoutLogins = 8
	scoutLooks  = 12
	scoutWrites = 16
	scoutRetry  = 3 // of a request that failed
	scoutBreath = 50 * time.Millisecond
	shownBytes  = 200 // of an answer, in an error
)

// scout is the Scout under way. Its requests are in no history.
type scout struct {
	*Journey
	ctx    context.Context
	last   *run   // for errors
	jar    string // what the login left
	writes int
}

// Scout implements engine.Scouter: it looks at the marker as a stranger, signs
// in as the first account, looks again, writes, reads and signs out, and
// returns the journey that knows how the service answers. An error wraps
// engine.ErrTarget and says which step went how.
func (j *Journey) Scout(ctx context.Context, c *engine.Client) (engine.Dialect, error) {
	found := *j
	found.client = c
	s := &scout{Journey: &found, ctx: ctx}
	if err := s.strangers(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	if err := s.find(); err != nil {
		return nil, err
	}
	if found.c.Read.set {
		if err := s.writesAndReads(); err != nil {
			return nil, err
		}
	}
	if len(found.c.Logout) > 0 {
		if err := s.leave(); err != nil {
			return nil, err
		}
	}
	found.sessions, found.tokens = new(sync.Map), newTokens() // the scout's own mean nothing to the load
	return &found, nil
}

// do makes a call as u, again where the request failed.
func (s *scout) do(u *engine.User, c engine.Call, perform func(*run)) (*run, error) {
	var r *run
	for range scoutRetry {
		op := &history.Op{Kind: c.Kind, Epoch: 1, Token: c.Token}
		r = s.begin(func(req engine.Request) engine.Exchange {
			x, err := u.Do(s.ctx, req)
			if err != nil {
				x.Err = err // all lanes taken: one call at a time cannot
			}
			return x
		}, c, op)
		perform(r)
		s.last = r
		if r.x.Failure == nil {
			return r, s.strays(r)
		}
		select {
		case <-s.ctx.Done():
			return r, s.ctx.Err()
		case <-time.After(scoutBreath):
		}
	}
	if r.x.Status != 0 {
		return r, s.errorf("%s answered %d", r.path, r.x.Status)
	}
	return r, fmt.Errorf("%w: %s: %s: %w", engine.ErrTarget, r.path, r.x.Failure.What, r.x.Err)
}

// strays is the error of a call that left the service or was answered in a way
// that cannot be read.
func (s *scout) strays(r *run) error {
	if errors.Is(r.err, engine.ErrElsewhere) {
		return s.errorf("%s answered %d: %v", r.path, r.x.Status, r.err)
	}
	if engine.IsRedirect(r.x.Status) {
		if _, err := s.client.Within(r.path, r.x.Header.Get("Location")); errors.Is(err, engine.ErrElsewhere) {
			return s.errorf("%s answered %d: %v", r.path, r.x.Status, err)
		}
	}
	if e := r.x.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return s.errorf("%s answered in the encoding %s, which nobody asked for", r.path, e)
	}
	return nil
}

// errorf is an error about the last call, with the beginning of its answer.
func (s *scout) errorf(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if s.last != nil && len(s.last.x.Body) > 0 {
		text += "; the answer begins: " + s.masked(beginning(s.last.x.Body))
	}
	return fmt.Errorf("%w: %s", engine.ErrTarget, text)
}

// masked hides the password, and what was picked, in an answer that has them.
func (s *scout) masked(text string) string {
	secrets := slices.Collect(maps.Values(s.last.vars))
	if password, ok := s.c.Accounts.value(0, "password"); ok {
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// beginning of an answer, on one line.
func beginning(body []byte) string {
	s := strings.ToValidUTF8(string(body[:min(len(body), shownBytes)]), "")
	s = strings.Join(strings.Fields(s), " ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

func (s *scout) look() engine.Call { return engine.Call{Kind: history.State} }

// strangers learns how the marker page answers without a session.
func (s *scout) strangers() error {
	u := s.client.User()
	defer u.Close()
	r, err := s.do(u, s.look(), func(r *run) { r.step(s.c.Marker.request()) })
	if err != nil {
		return err
	}
	if r.err != nil && r.first == nil { // it needs a variable that a login picks
		s.stranger = answer{status: 401}
		return nil
	}
	s.stranger = r.answer()
	if who, ok := r.who(); ok && r.x.Status < 300 {
		s.guest = who
		if s.c.Marker.find.empty() {
			return s.errorf("marker: %s answers %d to strangers too: it does not say who is signed in", r.path, r.x.Status)
		}
	}
	return nil
}

// enter signs in until the marker shows the user.
func (s *scout) enter() error {
	var login, marker *run
	for range scoutLogins {
		u := s.client.User()
		var err error
		login, err = s.do(u, engine.Call{Kind: history.Login}, func(r *run) {
			if r.steps(s.c.Login) {
				r.keep()
			}
		})
		s.jar = u.Cookies()
		u.Close()
		if err != nil {
			return err
		}
		if login.err != nil || login.x.Status >= 400 {
			continue
		}
		if s.byCookie() && s.jar == "" {
			return s.errorf("login does not sign in: %s answered %d and set no cookie; are the accounts right? Where a header opens the session, write it as credential: {header: …}", login.path, login.x.Status)
		}
		if marker, err = s.looks(s.jar); err != nil {
			return err
		}
		if marker.op.Seen != nil {
			s.signedIn = login.answer()
			return s.rightUser(marker)
		}
	}
	s.last = login
	if login.err != nil {
		return s.errorf("login: %v (status %d)", login.err, login.x.Status)
	}
	if marker == nil {
		return s.errorf("login: %s answered %d", login.path, login.x.Status)
	}
	return s.neverShown(login, marker)
}

// neverShown tells a login that does not sign in from a marker that does not
// match: the one page looks as it does to strangers.
func (s *scout) neverShown(login, marker *run) error {
	after := fmt.Sprintf("after the login (%s answered %d) the marker page %s answers %d", login.path, login.x.Status, marker.path, marker.x.Status)
	if marker.op.Anonymous {
		s.last = login
		return s.errorf("login does not sign in: %s, as it does to strangers", after)
	}
	s.last = marker
	return s.errorf("marker never matches: %s, and nothing in it matches %s", after, s.c.Marker.find)
}

// looks at the marker with the cookies of a login, until it shows somebody.
func (s *scout) looks(jar string) (r *run, err error) {
	for range scoutLooks {
		u := s.client.User()
		u.Present(jar)
		r, err = s.do(u, s.look(), (*run).marker)
		u.Close()
		if err != nil || r.op.Seen != nil {
			return r, err
		}
	}
	return r, nil
}

func (s *scout) rightUser(marker *run) error {
	if who := marker.op.Seen.User; who != history.UserName(0) {
		return s.errorf("marker: %s shows %s after a login as %q; where a page shows another name than the login takes, give it as marker (of accounts, or a column)", marker.path, who, s.c.Accounts.shown(0))
	}
	return nil
}

// find finds the cookie that opens the session when it is presented alone. If
// none does, it takes all.
func (s *scout) find() error {
	if !s.byCookie() || len(s.cookies) > 0 {
		return nil
	}
	all := credentialIn(s.jar, nil)
	for _, c := range all {
		s.cookies = append(s.cookies, c.name)
	}
	if len(all) == 1 {
		return nil
	}
	for _, c := range all {
		r, err := s.looks(joined([]pair{c}))
		if err != nil {
			return err
		}
		if r.op.Seen != nil && r.op.Seen.User == history.UserName(0) {
			s.cookies = []string{c.name}
			return nil
		}
	}
	return nil
}

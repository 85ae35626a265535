package journey

import (
	"sync"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Journey is a dialect of configured steps. It is safe for concurrent use.
type Journey struct {
	c      Config
	client *engine.Client // of the scout
	tokens *tokens

	// What the scout has found out.
	stranger answer   // to the marker without a session
	guest    string   // whom the marker names then; "" nobody
	signedIn answer   // to a login that worked
	cookies  []string // that open a session; with none it is Config.Credential.Header
	both     bool     // the page that is read shows the marker, too

	sessions *sync.Map // user -> map[string]string: what the last login picked
	shown    *sync.Map // what the marker shows -> history.UserName
}

// answer is the form of an answer: its status, and where it sends the user on to
// or has sent it.
type answer struct {
	status int
	path   string
}

// New returns the journey of a configuration that config has read and found
// valid. It is of use after Scout.
func New(c Config) *Journey {
	return &Journey{c: c, tokens: newTokens(), cookies: c.Credential.Cookies, sessions: new(sync.Map), shown: new(sync.Map)}
}

// Tier is what the journey can find.
func (j *Journey) Tier() check.Tier {
	if len(j.c.Write) > 0 {
		return check.TierJourney
	}
	return check.TierMarker
}

// Requests is how many an operation takes at most, redirects that are followed
// left out.
func (j *Journey) Requests() int {
	most := 1
	for k := range history.Stream {
		most = max(most, len(j.steps(k)))
	}
	if j.c.Read.set {
		most = max(most, 2)
	}
	if j.c.Count.set {
		most = max(most, 3)
	}
	return most
}

// Offers implements engine.Dialect.
func (j *Journey) Offers(k history.Kind) bool {
	switch k {
	case history.Login, history.State, history.Replay:
		return true
	case history.Append:
		return len(j.c.Write) > 0
	case history.Incr:
		return len(j.c.Incr) > 0
	case history.Rotate:
		return len(j.c.Rotate) > 0
	case history.Logout:
		return len(j.c.Logout) > 0
	case history.Stream:
		return !j.c.Stream.Get.empty()
	default:
		return false
	}
}

func (j *Journey) steps(k history.Kind) []Step {
	switch k {
	case history.Login:
		return j.c.Login
	case history.Append:
		return j.c.Write
	case history.Incr:
		return j.c.Incr
	case history.Rotate:
		return j.c.Rotate
	case history.Logout:
		return j.c.Logout
	default: // pages
		return nil
	}
}

// byCookie tells whether cookies open a session.
func (j *Journey) byCookie() bool { return len(j.c.Credential.Header) == 0 }

package gateway

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/relay"
)

// AffinityOptions of a group; see [AffinityMode] for what they do. A field
// that the mode does not use is an error.
type AffinityOptions struct {
	Mode   AffinityMode
	Cookie string // the gateway's own: "evenkeel-" and the group's name
	// AppCookie is the application's cookie: that app_cookie follows, or that
	// has the session ID.
	AppCookie string
	Header    string        // to hash, or that has the session ID
	SameSite  http.SameSite // of the gateway's cookie: Lax
	// IdleTimeout is when a bound session counts as gone: 30 m. Use the
	// application's own session time-out.
	IdleTimeout time.Duration
	// LoadFactor bounds the load in the modes that hash: requests of a target
	// with more than so many times its share of all that are in flight go to
	// the next choice of their key: 1.25; negative is no bound. A target with
	// less than 32 in flight is never over. It is not used where sessions have
	// to stay, with OnDraining finish and strict.
	LoadFactor float64
}

// ownPrefix begins the names of the gateway's cookies that have none else.
const ownPrefix = "evenkeel-"

func (o AffinityOptions) withDefaults(group string) AffinityOptions {
	if o.Mode.setsCookie() {
		o.Cookie = or(o.Cookie, ownPrefix+group)
	}
	o.Header = http.CanonicalHeaderKey(o.Header)
	o.SameSite = or(o.SameSite, http.SameSiteLaxMode)
	o.IdleTimeout = or(o.IdleTimeout, 30*time.Minute)
	o.LoadFactor = or(o.LoadFactor, 1.25)
	return o
}

var (
	cookieName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,80}$`)
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
)

// wrong is an option that cannot be used as it is, by its key in the file.
type wrong struct {
	key     string
	found   any // nil: nothing
	allowed string
}

func (w wrong) String() string {
	switch w.found.(type) {
	case nil:
		return fmt.Sprintf("%s: missing, allowed: %s", w.key, w.allowed)
	case string:
		return fmt.Sprintf("%s: found %.80q, allowed: %s", w.key, w.found, w.allowed)
	}
	return fmt.Sprintf("%s: found %v, allowed: %s", w.key, w.found, w.allowed)
}

// wrongs lists what is wrong; the options need not have their defaults.
func (o AffinityOptions) wrongs() []wrong {
	out := o.missing()
	cookie := cookieName.MatchString
	header := func(v string) bool {
		return headerName.MatchString(v) && !relay.HopByHop(http.CanonicalHeaderKey(v))
	}
	for _, f := range []struct {
		key, value string
		modes      []AffinityMode
		valid      func(string) bool
		allowed    string
	}{
		{"cookie", o.Cookie, []AffinityMode{AffinityNone, AffinityCookie, AffinityAppCookie}, cookie, "1 to 80 letters, digits, _, . and -"},
		{"app_cookie", o.AppCookie, []AffinityMode{AffinityAppCookie, AffinitySession}, cookie, "1 to 80 letters, digits, _, . and -"},
		{"header", o.Header, []AffinityMode{AffinitySession, AffinityHeader}, header, "the name of a header that targets get"},
	} {
		switch {
		case f.value == "":
		case !slices.Contains(f.modes, o.Mode):
			out = append(out, wrong{f.key, f.value, "nothing with mode " + o.Mode.String()})
		case !f.valid(f.value):
			out = append(out, wrong{f.key, f.value, f.allowed})
		}
	}
	if o.AppCookie != "" && (o.Cookie == o.AppCookie || strings.HasPrefix(o.AppCookie, ownPrefix)) {
		out = append(out, wrong{"app_cookie", o.AppCookie, "another name than the gateway's cookies have, " + ownPrefix + "* among them"})
	}
	if f := o.LoadFactor; !(f < 0 || f == 0 || f >= 1) {
		out = append(out, wrong{"load_factor", f, "1 and more, or negative for no bound"})
	}
	return out
}

// missing lists what the mode cannot do without.
func (o AffinityOptions) missing() []wrong {
	app, header := o.AppCookie != "", o.Header != ""
	switch {
	case o.Mode == AffinityAppCookie && !app:
		return []wrong{{"app_cookie", nil, "the name of the application's cookie, which mode app_cookie follows"}}
	case o.Mode == AffinitySession && !app && !header:
		return []wrong{{"app_cookie", nil, "the name of the cookie with the session ID, or that of a header under header, for mode session"}}
	case o.Mode == AffinitySession && app && header:
		return []wrong{{"header", o.Header, "nothing with app_cookie: the session ID is in one of the two"}}
	case o.Mode == AffinityHeader && !header:
		return []wrong{{"header", nil, "the name of the header, which mode header hashes"}}
	}
	return nil
}

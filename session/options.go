package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Options configure a [Manager]. The zero value is safe and works; every
// field says what zero means. A negative duration is an error except where
// it is said to mean something.
type Options struct {
	// Cookie says what the browser is given.
	Cookie CookieOptions
	// Header, such as "X-Session", is the header in which the session travels
	// instead of a cookie, for clients that are programs; empty is the cookie.
	// A request presents its credential in it, and a response that starts or
	// renews the session carries the new one in it; an empty value says that
	// the session has ended. Of several values none is used. To let a page of
	// another origin read it is up to the application.
	Header string

	// IdleTimeout ends a session that no active request has touched for
	// that long; zero is 30 minutes.
	IdleTimeout time.Duration
	// AbsoluteTimeout ends a session that long after its start or its last
	// sign-in, whatever happens in it; zero is 12 hours, negative is never.
	AbsoluteTimeout time.Duration
	// RenewEvery gives a session a new verifier that often, so that a stolen
	// cookie is of use for a bounded time; zero is one hour, negative is
	// never (sign-ins still renew). The first active request that is due
	// does it, in the commit that it makes anyway or in one of its own.
	RenewEvery time.Duration
	// StrictRenewal refuses the commits of all requests that were loaded
	// before a renewal, with ErrSuperseded. Otherwise they have
	// [RenewalGrace] to finish, fenced off what a sign-in set.
	StrictRenewal bool

	// Budget bounds each call of the store; zero is 250 ms. A commit whose
	// outcome is open is sent again with the same write ID, and is decided
	// for good within another Budget, at most 500 ms more. One call about all
	// sessions of a principal may take 20 Budgets.
	Budget time.Duration
	// Recheck is how often [Session.Done] asks the store while somebody
	// waits; zero is 30 seconds.
	Recheck time.Duration
	// MaxStarts bounds how many sessions without a principal this manager
	// starts per second, with bursts of the same size; beyond that a commit
	// fails with ErrStarts. Zero is 1,000, negative is no bound.
	MaxStarts int
	// Limits bound each session; see there for zero.
	Limits Limits
	// Sessions bounds the sessions of one principal.
	Sessions PrincipalOptions

	// Cache says how far behind the store reads may be, if the store keeps
	// copies; zero is CacheValidated, which is never behind.
	//
	// With CacheBounded, and with CacheFor, browsers hold a second cookie,
	// <name>-v (or header, <Header>-Version), with the version that they have
	// seen, so that no later request of theirs is answered by an older copy.
	// It is sent with each response that saw or made a newer one. A response
	// whose first byte had left before cannot send it: what a stream commits,
	// or a handler first reads, after that, the next request may not see for
	// as long as the store's copies may be behind.
	Cache CacheMode
	// CacheFor gives a request a mode of its own; nil, and CacheDefault, are
	// Cache.
	CacheFor func(*http.Request) CacheMode
	// Fresh tells requests that are to read from the store itself, never from
	// a copy, such as a payment; nil is none.
	Fresh func(*http.Request) bool

	// Attributes are those that the service uses; New reports names that
	// stand for two of them, and invalid ones. Attributes that are not
	// listed work too, unchecked.
	Attributes []Named
	// Passive tells requests that must not keep a session alive, such as
	// polls and reconnecting streams; nil is none.
	Passive func(*http.Request) bool

	// ErrorHandler writes the response if the session's commit fails, in
	// place of what the handler wanted to write; nil is [Error]. The request
	// it gets is the one that came into Handler, without a session.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
	// OnLoss is told of each sign that the store has lost something; nil is
	// nobody. It is called in the request that found out, without locks, and
	// must not block.
	OnLoss func(Loss)
	// Logger gets changes of state, never a session ID, cookie, attribute
	// or principal; nil is slog.Default().
	Logger *slog.Logger
}

// CookieOptions say what the browser is given. It always is HttpOnly, Path=/
// and SameSite=Lax, without a Domain.
type CookieOptions struct {
	// Name is the cookie's name; empty is "__Host-session", or "session" if
	// InsecureCookie. Browsers take a name with the prefix __Host- only from
	// the host itself over https (and some over http from loopback); under
	// any other name, sibling hosts can plant a cookie of their choice.
	Name string
	// Persistent lets every cookie outlive the browser: it gets a Max-Age
	// that ends with the session's absolute limit, or 400 days without one.
	// SignInOptions.Persistent does it for one session.
	Persistent bool
	// InsecureCookie lets the cookie travel over plain http, where anybody
	// on the way can read it. For http on hosts other than loopback, and for
	// browsers that refuse Secure cookies from http://localhost. New logs it.
	InsecureCookie bool
}

// Named is an attribute's name; [Attribute], [Counter], [Set] and [List]
// have one.
type Named interface{ Name() string }

const (
	defaultIdle     = 30 * time.Minute
	defaultAbsolute = 12 * time.Hour
	defaultRenew    = time.Hour
	defaultBudget   = 250 * time.Millisecond
	defaultRecheck  = 30 * time.Second
	defaultStarts   = 1000

	hostPrefix = "__Host-"
)

func (o Options) withDefaults() Options {
	o.IdleTimeout = orDefault(o.IdleTimeout, defaultIdle)
	o.AbsoluteTimeout = orDefault(o.AbsoluteTimeout, defaultAbsolute)
	o.RenewEvery = orDefault(o.RenewEvery, defaultRenew)
	o.Budget = orDefault(o.Budget, defaultBudget)
	o.Recheck = orDefault(o.Recheck, defaultRecheck)
	o.MaxStarts = orDefault(o.MaxStarts, defaultStarts)
	if o.Cache == CacheDefault {
		o.Cache = CacheValidated
	}
	if o.Cookie.Name == "" && o.Header == "" {
		o.Cookie.Name = hostPrefix + "session"
		if o.Cookie.InsecureCookie {
			o.Cookie.Name = "session"
		}
	}
	if o.ErrorHandler == nil {
		o.ErrorHandler = Error
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// check reports everything that is wrong with options after withDefaults.
func (o Options) check() error {
	var errs []error
	least := func(name string, d time.Duration) {
		if d < time.Millisecond {
			errs = append(errs, fmt.Errorf("session: Options.%s is %v, want at least 1ms", name, d))
		}
	}
	least("IdleTimeout", o.IdleTimeout)
	least("Budget", o.Budget)
	least("Recheck", o.Recheck)
	if l := o.Limits; l.AttributeBytes < 0 || l.SessionBytes < 0 || l.Attributes < 0 {
		errs = append(errs, errors.New("session: Options.Limits has a negative field"))
	}
	if o.Cache > CacheBounded {
		errs = append(errs, fmt.Errorf("session: Options.Cache is %d, which is no CacheMode", o.Cache))
	}
	if o.Header == "" {
		errs = append(errs, o.Cookie.check())
	}
	return errors.Join(append(errs, checkHeader(o), o.Sessions.check(), checkNames(o.Attributes))...)
}

func (o CookieOptions) check() error {
	if (&http.Cookie{Name: o.Name, Value: "x"}).Valid() != nil {
		return fmt.Errorf("session: Options.Cookie.Name %q is not a cookie name", o.Name)
	}
	if lower := strings.ToLower(o.Name); o.InsecureCookie && (strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-")) {
		return fmt.Errorf("session: Options.Cookie.Name %q needs a Secure cookie, which InsecureCookie forbids: use a plain name", o.Name)
	}
	return nil
}

func checkNames(attributes []Named) error {
	var errs []error
	seen := make(map[string]bool, len(attributes))
	for _, a := range attributes {
		if err := checkName(a.Name()); err != nil {
			errs = append(errs, err)
		} else if seen[a.Name()] {
			errs = append(errs, fmt.Errorf("session: Options.Attributes has two of the name %q", a.Name()))
		}
		seen[a.Name()] = true
	}
	return errors.Join(errs...)
}

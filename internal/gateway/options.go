package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// Types of the options that other packages define, for those who only embed a
// gateway.
type (
	HealthOptions   = health.Options
	UpstreamOptions = upstream.Options
)

// Options of a Gateway. Groups is required; everything else has a default.
type Options struct {
	Groups  []GroupOptions
	Traffic TrafficOptions
	Admin   AdminOptions
	// Upstream is how targets are talked to. A zero HeaderTimeout is 60 s
	// here; negative is none.
	Upstream upstream.Options
	// Keys make affinity cookies. Nil makes a key of its own, which ends with
	// the process: bound sessions then move when the gateway restarts.
	Keys *affinity.Ring
	Log  *slog.Logger // nil is slog.Default()
	// AccessLog gets one record per request; nil writes none.
	AccessLog *slog.Logger
	// ShutdownTimeout bounds how long Run waits for requests in flight when it
	// ends: 30 s; negative waits for none.
	ShutdownTimeout time.Duration
	// Linger is how long Run goes on serving, with Connection: close on every
	// answer, before it stops to listen: 0.
	Linger time.Duration
}

// TrafficOptions of the listener that clients connect to.
type TrafficOptions struct {
	Listen   string       // ":8080"
	Listener net.Listener // instead of Listen; Run closes it
	TLS      *tls.Config  // serves TLS and HTTP/2
	// MaxBodyBytes bounds request bodies (413); 0 is no bound.
	MaxBodyBytes   int64
	MaxConnections int           // at once, 16384; more wait in the kernel's queue
	IdleTimeout    time.Duration // of a client connection between requests, 120 s
	// Trusted hops may say X-Forwarded-*; what others say is dropped. Empty
	// trusts none.
	Trusted []netip.Prefix
}

// AdminOptions of the admin API.
type AdminOptions struct {
	Listen   string       // empty, without a Listener, serves none
	Listener net.Listener // instead of Listen; Run closes it
	// Token is required beyond loopback, in Authorization: Bearer; without one
	// everything but the probes is refused there.
	Token   string
	Hosts   []string     // names that Host may have besides the listener's address and localhost
	Metrics http.Handler // of GET /metrics; nil writes Stats in Prometheus' text format
	Page    http.Handler // of GET /; nil is a plain list of the groups
	// Reload is POST /v1/reload; nil answers 409. It returns a line per change.
	Reload func(context.Context) (changes []string, err error)
}

// GroupOptions of one target group.
type GroupOptions struct {
	Name     string   // letters, digits, - and _
	Routes   []string // path prefixes that lead here; whole segments: /a is not a prefix of /ab
	Targets  []target.Target
	Policy   Policy
	Affinity AffinityOptions
	// OnDraining says what becomes of bound requests when their target leaves.
	OnDraining          target.OnDraining
	DeregistrationDelay time.Duration // 300 s, then what is left is cut
	Health              health.Options
	Retries             RetryOptions
}

// AffinityOptions of a group.
type AffinityOptions struct {
	Mode     AffinityMode
	Cookie   string        // the gateway's cookie, "evenkeel-" and the group's name
	SameSite http.SameSite // Lax
	// IdleTimeout is when a bound session counts as gone: 30 m. Use the
	// application's own session time-out.
	IdleTimeout time.Duration
}

// RetryOptions of a group. A failed connect always goes to another target, and
// an idempotent request without any response byte is always replayed once; once
// more if it had met a connection that had been idle and was stale.
type RetryOptions struct {
	POST POSTReplay // and other methods that are not idempotent
	// Percent of requests that may be replays, over some seconds, beyond the
	// first ten per second: 20; negative is none.
	Percent int
}

func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

func (o Options) withDefaults() Options {
	o.Log = or(o.Log, slog.Default())
	o.ShutdownTimeout = max(or(o.ShutdownTimeout, 30*time.Second), 0)
	o.Upstream.HeaderTimeout = max(or(o.Upstream.HeaderTimeout, time.Minute), 0)
	o.Traffic.Listen = or(o.Traffic.Listen, ":8080")
	o.Traffic.MaxConnections = or(o.Traffic.MaxConnections, 16384)
	o.Traffic.IdleTimeout = or(o.Traffic.IdleTimeout, 2*time.Minute)
	if o.Keys == nil {
		o.Keys = affinity.RandomRing()
	}
	return o
}

func (o GroupOptions) withDefaults() GroupOptions {
	o.Affinity.Cookie = or(o.Affinity.Cookie, "evenkeel-"+o.Name)
	o.Affinity.SameSite = or(o.Affinity.SameSite, http.SameSiteLaxMode)
	o.Affinity.IdleTimeout = or(o.Affinity.IdleTimeout, 30*time.Minute)
	o.DeregistrationDelay = or(o.DeregistrationDelay, 300*time.Second)
	o.Health = o.Health.WithDefaults()
	o.Retries.Percent = max(or(o.Retries.Percent, 20), 0)
	return o
}

var (
	groupName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	targetID   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,127}$`)
	cookieName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// validate reports everything that is wrong with the group at once.
func (o GroupOptions) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("group %q: "+format, append([]any{o.Name}, args...)...))
	}
	if !groupName.MatchString(o.Name) {
		bad("allowed as a name: 1 to 64 letters, digits, - and _")
	}
	for _, r := range o.Routes {
		if !strings.HasPrefix(r, "/") || strings.ContainsAny(r, "?#") {
			bad("route %q, allowed: a path that begins with /", r)
		}
	}
	if !cookieName.MatchString(o.Affinity.Cookie) {
		bad("affinity cookie %q, allowed: 1 to 64 letters, digits, _, . and -", o.Affinity.Cookie)
	}
	if o.DeregistrationDelay < 0 || o.Affinity.IdleTimeout < 0 || o.Health.Timeout < 0 {
		bad("a negative time")
	}
	if o.Health.Path != "" && !strings.HasPrefix(o.Health.Path, "/") {
		bad("health path %q, allowed: a path that begins with /", o.Health.Path)
	}
	seen := map[string]bool{}
	for _, t := range o.Targets {
		if err := validateTarget(t); err != nil {
			bad("%w", err)
		}
		if seen[t.ID] {
			bad("target %q is there twice", t.ID)
		}
		seen[t.ID] = true
	}
	return errors.Join(errs...)
}

func validateTarget(t target.Target) error {
	if !targetID.MatchString(t.ID) {
		return fmt.Errorf("%w: target id %q, allowed: 1 to 128 letters, digits and _ . : @ -", ErrInvalid, t.ID)
	}
	host, port, err := net.SplitHostPort(t.Address)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(t.Address, " /\r\n") {
		return fmt.Errorf("%w: target %q: address %q, allowed: host:port", ErrInvalid, t.ID, t.Address)
	}
	if t.Weight < 0 || t.Weight > target.MaxWeight {
		return fmt.Errorf("%w: target %q: weight %d, allowed: 1 to %d", ErrInvalid, t.ID, t.Weight, target.MaxWeight)
	}
	return nil
}

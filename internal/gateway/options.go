package gateway

import (
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
	"github.com/evenkeel/evenkeel/internal/gateway/certs"
	"github.com/evenkeel/evenkeel/internal/gateway/discover"
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
	// Keys make affinity cookies. Nil are those of a file beside State, made at
	// need; without State a key that ends with the process: bound sessions then
	// move when the gateway restarts.
	Keys *affinity.Ring
	// State is the path of a file that keeps the targets registered through the
	// admin API, and every drain, for the next process; empty or "off" keeps
	// nothing.
	State  string
	Log    *slog.Logger // nil is slog.Default()
	Access AccessOptions
	// ShutdownTimeout bounds how long Run waits for requests in flight when it
	// ends: 30 s; negative waits for none.
	ShutdownTimeout time.Duration
	// Linger is how long Run goes on serving, with Connection: close on every
	// answer, before it stops to listen: 0.
	Linger time.Duration

	file *file // that the options came from and that is followed; nil is none
}

// TrafficOptions of the listener that clients connect to.
type TrafficOptions struct {
	Listen   string       // ":8080"
	Listener net.Listener // instead of Listen; Run closes it
	// TLS are the certificates' files; with them the listener speaks TLS only,
	// HTTP/1.1 and HTTP/2. Without, it speaks HTTP/1.1 in clear text.
	TLS    []certs.Pair
	H2C    bool // also HTTP/2 in clear text, by prior knowledge; not together with TLS
	Limits LimitOptions
	// Trusted hops may say X-Forwarded-*; what others say is dropped. Empty
	// trusts none.
	Trusted []netip.Prefix
	// Forwarded writes the field of RFC 7239, too, and believes that of
	// trusted hops. Without it the field is dropped, whoever sent it.
	Forwarded bool
}

// LimitOptions bound what one client can hold. Zero is the default, a negative
// time or number is no bound.
type LimitOptions struct {
	// HeadBytes of a request, 64 KiB and at least 8 KiB (431). Of HTTP/1.1 these
	// are the bytes that come in. HTTP/2 counts the fields unpacked, with 32
	// bytes for each (RFC 9113, 6.5.2), and ends 3776 bytes earlier; a single
	// field beyond that ends the connection.
	HeadBytes int
	// HeadTime to send it, and for a TLS handshake: 10 s, then the connection
	// closes. It cannot be without bound.
	HeadTime   time.Duration
	BodyBytes  int64         // of a request (413); 0 is no bound
	BodyIdle   time.Duration // without any byte of a body that is waited for: 60 s (408)
	WriteStall time.Duration // in which a client takes nothing of what is there for it: 60 s, then it is cut
	Idle       time.Duration // of a client connection between requests: 120 s
	// Connections at once: 16384; more wait in the kernel's queue. It cannot be
	// without bound.
	Connections int
	Streams     int // requests at once on one HTTP/2 connection: 128. It cannot be without bound.
}

func (o LimitOptions) withDefaults() LimitOptions {
	o.HeadBytes = or(o.HeadBytes, 64<<10)
	o.HeadTime = or(o.HeadTime, 10*time.Second)
	o.BodyIdle = max(or(o.BodyIdle, time.Minute), 0)
	o.WriteStall = max(or(o.WriteStall, time.Minute), 0)
	o.Idle = max(or(o.Idle, 2*time.Minute), 0)
	o.Connections = or(o.Connections, 16384)
	o.Streams = or(o.Streams, 128)
	return o
}

func (o TrafficOptions) validate() error {
	l := o.Limits
	switch {
	case l.HeadBytes < 8<<10:
		return fmt.Errorf("traffic: limit of a head %d, allowed: 8192 bytes and more", l.HeadBytes)
	case l.HeadTime < 0 || l.Connections < 0 || l.Streams < 0:
		return errors.New("traffic: a negative limit of the time for a head, of connections or of streams")
	case o.H2C && len(o.TLS) > 0:
		return errors.New("traffic: h2c is for clear text, there is TLS")
	}
	return nil
}

// AccessOptions of the access log: one record per request.
type AccessOptions struct {
	Path   string       // a file, which is appended to; "stdout"; empty, without a Logger, writes none
	Logger *slog.Logger // instead of Path; it is called by the request's goroutine
	// Sample is the share of requests that are written: 1; negative writes
	// failed ones only, which always are written.
	Sample float64
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
}

// GroupOptions of one target group.
type GroupOptions struct {
	Name     string   // letters, digits, - and _
	Routes   []string // path prefixes that lead here; whole segments: /a is not a prefix of /ab
	Targets  []target.Target
	Discover discover.Options // where the targets are that Targets does not list
	Policy   Policy
	Affinity AffinityOptions
	// SlowStart is how long a target that has become healthy among others gets
	// a growing share of the unbound requests, from a tenth of its share to
	// all of it: 0, none.
	SlowStart time.Duration
	// PanicThreshold is the percentage of healthy targets below which
	// unhealthy ones are chosen too, because rather the health check is wrong
	// than so many targets; those that cannot be connected to are left out. 0
	// is only when none is healthy.
	PanicThreshold int
	// OnDraining says what becomes of bound requests when their target leaves.
	OnDraining          target.OnDraining
	DeregistrationDelay time.Duration // 300 s, then what is left is cut
	// StreamsLeave is the time over which the streams of a leaving target are
	// asked to go, one after the other in random order, so that their clients do
	// not come back in one instant: 10 s, and at most half of the
	// DeregistrationDelay; negative never asks. WebSockets get a Close 1012,
	// event streams end after a complete event. Under OnDraining finish with a
	// cookie they stay until no session is bound to the target any more. Other
	// upgraded connections and compressed event streams cannot be asked. Also
	// at the gateway's end, over at most half of the ShutdownTimeout.
	StreamsLeave time.Duration
	Health       health.Options
	Retries      RetryOptions
}

// RetryOptions of a group. A failed connect always goes to another target (in an
// outage, when no healthy one is left, within Percent), and an idempotent request without any response byte is always replayed once; once
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
	if o.State == StateOff {
		o.State = ""
	}
	o.ShutdownTimeout = max(or(o.ShutdownTimeout, 30*time.Second), 0)
	o.Upstream.HeaderTimeout = max(or(o.Upstream.HeaderTimeout, time.Minute), 0)
	o.Traffic.Listen = or(o.Traffic.Listen, ":8080")
	o.Traffic.Limits = o.Traffic.Limits.withDefaults()
	o.Access.Sample = max(or(o.Access.Sample, 1), 0)
	if o.Keys == nil {
		o.Keys = affinity.RandomRing()
	}
	return o
}

func (o GroupOptions) withDefaults() GroupOptions {
	o.Affinity = o.Affinity.withDefaults(o.Name)
	o.DeregistrationDelay = or(o.DeregistrationDelay, 300*time.Second)
	o.StreamsLeave = min(or(o.StreamsLeave, 10*time.Second), o.DeregistrationDelay/2)
	o.Health = o.Health.WithDefaults()
	o.Retries.Percent = max(or(o.Retries.Percent, 20), 0)
	return o
}

var (
	groupName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	targetID  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,127}$`)
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
		if !validRoute(r) {
			bad("route %q, allowed: a path that begins with /", r)
		}
	}
	for _, w := range o.Affinity.wrongs() {
		bad("affinity.%v", w)
	}
	if o.PanicThreshold < 0 || o.PanicThreshold > 100 {
		bad("panic threshold %d, allowed: 0 to 100 percent", o.PanicThreshold)
	}
	if o.SlowStart < 0 || o.DeregistrationDelay < 0 || o.Affinity.IdleTimeout < 0 || o.Health.Timeout < 0 {
		bad("a negative time")
	}
	if o.Health.Path != "" && !strings.HasPrefix(o.Health.Path, "/") {
		bad("health path %q, allowed: a path that begins with /", o.Health.Path)
	}
	if o.Discover.Enabled() {
		if _, err := discover.New(o.Discover, validateTarget); err != nil {
			bad("%w", err)
		}
		if len(o.Targets) > 0 {
			bad("found targets and discover, allowed: one of the two")
		}
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

func validRoute(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "?#")
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

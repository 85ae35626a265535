package policy

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
)

const (
	maxPart   = 24 * time.Hour       // of one part of the way out
	maxCookie = 400 * 24 * time.Hour // that browsers keep a cookie (RFC 6265bis, section 5.5)
)

// oneService are the keys that stand beside service, and under defaults if
// there are several.
var oneService = []string{"service", "session", "shutdown", "affinity", "replicas", "port", "image", "routers", "host", "health", "start", "keep_alive"}

// Validate implements config.Validator.
func (f File) Validate(at config.At) {
	if f.Version != 1 {
		at.Errorf("version", "found %d, allowed: 1", f.Version)
	}
	if !at.Has("services") {
		if at.Has("defaults") {
			at.Errorf("defaults", "found without services, allowed: with a list of services; for one write its keys beside service")
		}
		if at.Has("service") {
			validateName(at, "service", f.Service)
		}
		f.Instances.validate(at)
		return
	}
	for _, key := range oneService {
		if at.Has(key) {
			at.Errorf(key, "found besides services, allowed: under defaults, or in one of the services")
		}
	}
	if len(f.Services) == 0 {
		at.Errorf("services", "found none, allowed: one or more")
	}
	first := map[string]config.Pos{}
	for i, s := range f.Services {
		name := strings.ToLower(s.Name)
		if pos, ok := first[name]; ok {
			at.ErrorfAt(s.Pos, fmt.Sprintf("services[%d].name", i), "found %q again, first in line %d, allowed: each once", s.Name, pos.Line)
			continue
		}
		first[name] = s.Pos
	}
}

// Validate implements config.Validator.
func (s Service) Validate(at config.At) {
	validateName(at, "name", s.Name)
	s.Instances.validate(at)
}

// Validate implements config.Validator, for what is under defaults.
func (s Settings) Validate(at config.At) { s.Instances.validate(at) }

// pattern compiles when it is first used: a program that reads no policy does
// not pay for repetitions of 254 at its start.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

var serviceName = pattern(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

func validateName(at config.At, key, name string) {
	if !serviceName().MatchString(name) {
		at.Errorf(key, "found %s, allowed: 1 to 63 letters, digits and ._- between them", at.Found(key, name))
	}
}

// Validate implements config.Validator.
func (s Session) Validate(at config.At) {
	if s.Cookie != "" {
		s.validateCookie(at)
	}
	for _, d := range []struct {
		key string
		d   *time.Duration
	}{{"idle_timeout", s.IdleTimeout}, {"absolute_timeout", s.AbsoluteTimeout}} {
		if d.d != nil && *d.d > maxCookie {
			at.Errorf(d.key, "found %s, allowed: at most 9600h, since browsers keep no cookie longer than 400 days", at.Found(d.key, *d.d))
			return
		}
	}
	if idle, absolute := s.IdleTimeout, s.AbsoluteTimeout; idle != nil && absolute != nil && *absolute > 0 && *idle > *absolute {
		at.Errorf("idle_timeout", "found %s, allowed: at most absolute_timeout, %s", at.Found("idle_timeout", *idle), at.Found("absolute_timeout", *absolute))
	}
	s.validateStore(at)
}

// prefixes of cookie names that browsers hold to rules; they compare them
// without regard to case, servers do not.
var prefixes = []string{"__Host-", "__Secure-"}

func (s Session) validateCookie(at config.At) {
	found := at.Found("cookie", s.Cookie)
	if (&http.Cookie{Name: s.Cookie, Value: "x"}).Valid() != nil {
		at.Errorf("cookie", "found %s, allowed: a cookie's name: letters, digits and !#$%%&'*+-.^_`|~", found)
		return
	}
	for _, p := range prefixes {
		switch {
		case len(s.Cookie) < len(p) || !strings.EqualFold(s.Cookie[:len(p)], p):
		case s.Cookie[:len(p)] != p:
			at.Errorf("cookie", "found %s, allowed: %s spelt so; browsers take other spellings for it, servers do not", found, p)
		case s.Cookie == p:
			at.Errorf("cookie", "found %s, allowed: a name after %s", found, p)
		}
	}
}

// schemes of stores that the session library opens, or that Redis' clients know.
var schemes = []string{
	"redis", "rediss", "redis-sentinel", "rediss-sentinel", "redis-cluster", "rediss-cluster",
	"valkey", "valkeys", "sqlite",
}

func (s Session) validateStore(at config.At) {
	store := s.Store.Reveal()
	if store == "" && at.Has("store") {
		at.Errorf("store", "has no value")
	}
	if store == "" || store == "memory" || store == "external" {
		return
	}
	scheme, rest, _ := strings.Cut(store, ":")
	host := strings.TrimPrefix(rest, "//")
	if slices.Contains(schemes, scheme) && host != "" && (scheme == "sqlite" || host != rest) {
		return
	}
	// The rest of what was found may hold a password.
	at.Errorf("store", "found %s, allowed: memory, external, or a URL: redis://, rediss://, redis-sentinel://, redis-cluster://, valkey://, valkeys://, sqlite:PATH", at.Found("store", scheme))
}

// Validate implements config.Validator.
func (s Shutdown) Validate(at config.At) {
	for _, p := range []struct {
		key string
		d   *time.Duration
	}{{"withdraw", s.Withdraw}, {"requests", s.Requests}, {"streams", s.Streams}, {"flush", s.Flush}} {
		if p.d != nil && *p.d > maxPart {
			at.Errorf(p.key, "found %s, allowed: at most 24h", at.Found(p.key, *p.d))
		}
	}
}

// validate is Validate of inline fields, whose keys stand in the mapping of at.
func (i Instances) validate(at config.At) {
	if at.Has("port") && i.Port == 0 {
		at.Errorf("port", "found 0, allowed: 1 to 65535")
	}
	if i.Host != "" && !hostName().MatchString(i.Host) {
		at.Errorf("host", "found %s, allowed: a host's name such as shop.example.com", at.Found("host", i.Host))
	}
	if i.Image != "" && !imageName().MatchString(i.Image) {
		at.Errorf("image", "found %s, allowed: an image such as registry.example/shop:1.2", at.Found("image", i.Image))
	}
	for _, d := range []struct {
		key string
		d   *time.Duration
	}{{"start", i.Start}, {"keep_alive", i.KeepAlive}} {
		if d.d != nil && *d.d > maxPart {
			at.Errorf(d.key, "found %s, allowed: at most 24h", at.Found(d.key, *d.d))
		}
	}
}

var (
	hostName  = pattern(`^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
	imageName = pattern(`^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$`)
	urlPath   = pattern(`^/[A-Za-z0-9._~/%-]{0,254}$`)
)

// Validate implements config.Validator.
func (r Replicas) Validate(at config.At) {
	for _, n := range []struct {
		key string
		n   int
	}{{"min", r.Min}, {"max", r.Max}} {
		if at.Has(n.key) && (n.n < 1 || n.n > 5000) {
			at.Errorf(n.key, "found %s, allowed: 1 to 5000", at.Found(n.key, n.n))
			return
		}
	}
	if r.Min > 0 && r.Max > 0 && r.Min > r.Max {
		at.Errorf("min", "found %s, allowed: at most max, %s", at.Found("min", r.Min), at.Found("max", r.Max))
	}
}

// Validate implements config.Validator.
func (h Health) Validate(at config.At) {
	if h.Path != "" && !urlPath().MatchString(h.Path) {
		at.Errorf("path", "found %s, allowed: a path that begins with /, of letters, digits and ._~/%%-", at.Found("path", h.Path))
	}
	if at.Has("interval") && (h.Interval < time.Second || h.Interval > 5*time.Minute) {
		at.Errorf("interval", "found %s, allowed: 1s to 5m", at.Found("interval", h.Interval))
	}
	for _, n := range []struct {
		key string
		n   int
	}{{"healthy", h.Healthy}, {"unhealthy", h.Unhealthy}} {
		if at.Has(n.key) && (n.n < 1 || n.n > 10) {
			at.Errorf(n.key, "found %s, allowed: 1 to 10", at.Found(n.key, n.n))
		}
	}
}

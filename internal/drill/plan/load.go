package plan

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/journey"
)

// file is drill.yaml.
type file struct {
	Version  int           `yaml:"version,required"`
	Target   []string      `yaml:"target,many"`
	Users    int           `yaml:"users"`
	Rate     rate          `yaml:"rate"`
	Think    time.Duration `yaml:"think"`
	Ramp     time.Duration `yaml:"ramp"`
	Duration time.Duration `yaml:"duration"`
	Control  time.Duration `yaml:"control"`

	Probe          *probe          `yaml:"probe"`
	Journey        *journey.Config `yaml:"journey"`
	InstanceHeader string          `yaml:"instance_header"`
	Session        session         `yaml:"session"`
	Events         Events          `yaml:"events"`
	Allow          []string        `yaml:"allow_unexercised,many"`

	TLS     security      `yaml:"tls"`
	Sources []netip.Addr  `yaml:"sources,many"`
	Timeout time.Duration `yaml:"timeout"`
	MaxBody config.Size   `yaml:"max_body"`
}

type probe struct {
	Prefix string        `yaml:"prefix"`
	Header string        `yaml:"header"`
	Secret config.Secret `yaml:"secret,required"`
	Cookie string        `yaml:"cookie"`
}

type session struct {
	IdleTimeout     time.Duration `yaml:"idle_timeout"`
	AbsoluteTimeout time.Duration `yaml:"absolute_timeout"`
	RenewalGrace    time.Duration `yaml:"renewal_grace"`
	Lag             time.Duration `yaml:"lag"` // until what was written is seen everywhere
}

type security struct {
	CA       string     `yaml:"ca"` // a PEM file
	Insecure bool       `yaml:"insecure"`
	Pos      config.Pos `yaml:"-"`

	roots *x509.CertPool
}

// rate is operations per second: 1000/s, 90/m.
type rate float64

// UnmarshalText wants the unit: a bare number could be anything.
func (r *rate) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	per, ok := map[string]float64{"s": 1, "m": 60, "h": 3600}[strings.TrimSpace(unit)]
	if err != nil || !ok || n <= 0 || math.IsInf(n, 0) {
		return errors.New("a number above 0 with its unit, such as 1000/s or 90/m")
	}
	*r = rate(n / per)
	return nil
}

// Bounds of a run: beyond them is a slip of the pen.
const (
	maxUsers    = 1_000_000
	minSecret   = 24 // bytes
	maxDuration = 7 * 24 * time.Hour
)

func defaults() *file {
	return &file{Users: 200, Duration: time.Minute, Control: -1}
}

// Load reads the drill.yaml at path.
func Load(path string) (*Plan, error) {
	f := defaults()
	if err := config.Load(path, f); err != nil {
		return nil, err
	}
	return f.plan(path), nil
}

// Validate implements config.Validator.
func (f *file) Validate(at config.At) {
	if f.Version != 1 {
		at.Errorf("version", "found %d, allowed: 1", f.Version)
	}
	if len(f.Target) == 0 && at.Has("target") {
		at.Errorf("target", "found none, allowed: URLs")
	}
	for _, t := range f.Target {
		if !isTarget(t) {
			at.Errorf("target", "found %s, allowed: http://HOST:PORT or https://HOST:PORT, at most with a path", at.Found("target", t))
		}
	}
	f.times(at)
	if f.Users < 1 || f.Users > maxUsers {
		at.Errorf("users", "found %d, allowed: 1 to %d", f.Users, maxUsers)
	}
	switch {
	case f.Probe != nil && f.Journey != nil:
		at.Errorf("journey", "found probe and journey, allowed: one of them")
	case f.Probe == nil && f.Journey == nil:
		at.Errorf("", "found neither probe nor journey, allowed: one of them")
	case f.Journey != nil:
		if most := f.Journey.Accounts.Most(); most > 0 && f.Users > most {
			at.Errorf("users", "found %d, allowed: at most %d, as many as there are accounts", f.Users, most)
		}
	}
	for _, id := range f.Allow {
		if _, ok := check.ParseID(id); !ok {
			at.Errorf("allow_unexercised", "found %q, allowed: G1 to G12", id)
		}
	}
	if at.Has("instance_header") && strings.ContainsFunc(or(f.InstanceHeader, " "), func(r rune) bool { return r <= ' ' || r == ':' || r > '~' }) {
		at.Errorf("instance_header", "found %q, allowed: the name of a header field", f.InstanceHeader)
	}
}

func (f *file) times(at config.At) {
	if at.Has("rate") && at.Has("think") {
		at.Errorf("think", "found with rate, allowed: one of rate and think")
	}
	for _, d := range []struct {
		key   string
		value time.Duration
		least time.Duration
		most  time.Duration
	}{
		{"duration", f.Duration, time.Second, maxDuration},
		{"control", f.Control, 0, f.Duration},
		{"think", f.Think, time.Millisecond, time.Hour},
		{"ramp", f.Ramp, 0, f.Duration},
		{"timeout", f.Timeout, time.Millisecond, time.Hour},
	} {
		if at.Has(d.key) && (d.value < d.least || d.value > d.most) {
			at.Errorf(d.key, "found %v, allowed: %v to %v", d.value, d.least, d.most)
		}
	}
	if at.Has("max_body") && (f.MaxBody < 1 || f.MaxBody > 64<<20) {
		at.Errorf("max_body", "found %v, allowed: 1B to 64MiB", f.MaxBody)
	}
}

func isTarget(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// Validate implements config.Validator.
func (p *probe) Validate(at config.At) {
	if n := len(p.Secret.Reveal()); n < minSecret {
		at.Errorf("secret", "found %d bytes, allowed: at least %d", n, minSecret)
	}
	if at.Has("prefix") && !strings.HasPrefix(p.Prefix, "/") {
		at.Errorf("prefix", "found %s, allowed: a path from / on", at.Found("prefix", p.Prefix))
	}
}

// Validate implements config.Validator.
func (s *security) Validate(at config.At) {
	if s.CA == "" {
		return
	}
	if s.Insecure {
		at.Errorf("insecure", "found with ca, allowed: one of them")
		return
	}
	path := s.CA
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(s.Pos.File), path)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		at.Errorf("ca", "%v, allowed: a file of certificates in PEM", err)
		return
	}
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM(pem) {
		at.Errorf("ca", "found no certificate in %s, allowed: a file of certificates in PEM", path)
	}
}

func (s *security) options() *tls.Config {
	if s.roots == nil && !s.Insecure {
		return nil
	}
	return &tls.Config{RootCAs: s.roots, InsecureSkipVerify: s.Insecure}
}

func (f *file) plan(path string) *Plan {
	p := &Plan{
		Targets: f.Target, Users: f.Users, Duration: f.Duration, Control: f.Control,
		Pace:   engine.Pace{Rate: float64(f.Rate), Think: f.Think, Ramp: f.Ramp},
		Check:  check.Options{IdleTimeout: f.Session.IdleTimeout, AbsoluteTimeout: f.Session.AbsoluteTimeout, RenewalGrace: f.Session.RenewalGrace},
		Allow:  f.Allow,
		Events: f.Events,
		// The target is another process, which has files of its own.
		Client: engine.ClientOptions{Open: engine.OpenFiles() * 6 / 10, TLS: f.TLS.options(), Sources: f.Sources, Timeout: f.Timeout, MaxBody: int64(f.MaxBody)},
		Quiet:  f.Session.Lag,
		file:   path,
	}
	if p.Control < 0 {
		p.Control = min(15*time.Second, p.Duration/4)
	}
	if len(p.Events.Do) > 0 && p.Events.Every == 0 {
		p.Events.Every = 10 * time.Second
	}
	if f.Probe != nil {
		p.Tier = check.TierProbe
		p.Dialect = engine.Probe{
			Prefix: f.Probe.Prefix, Header: f.Probe.Header, Secret: f.Probe.Secret.Reveal(), Cookie: f.Probe.Cookie,
			InstanceHeader: f.InstanceHeader,
		}
		return p
	}
	f.Journey.InstanceHeader = f.InstanceHeader
	j := journey.New(*f.Journey)
	p.Tier, p.Dialect, p.most = j.Tier(), j, f.Journey.Accounts.Most()
	return p
}

// String says what is drilled, without secrets.
func (p *Plan) String() string {
	return fmt.Sprintf("%d users at %s for %v", p.Users, strings.Join(p.Targets, ", "), p.Duration)
}

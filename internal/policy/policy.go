// Package policy is evenkeel.yaml: what a service needs to leave, where its
// sessions are, and what follows from both for each platform.
//
//	p, err := policy.Load("evenkeel.yaml")
//	s := p.Service("shop")
//	k, err := p.Derive(s).Kubernetes()
//	fmt.Println(k.Grace) // terminationGracePeriodSeconds 78: withdraw 8 s + … = 78 s
//
// Guarantees: unknown keys and values out of range are errors with file, line,
// key, what was found and what is allowed; on an error nothing is returned.
// Every derived number says how it came about.
//
// Not guaranteed: the meaning of what is under gateway, which the gateway reads.
package policy

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/config"
)

// Policy is what one evenkeel.yaml says, or nothing.
type Policy struct {
	Path       string // empty: there is no file
	Kubernetes Kubernetes
	Spot       bool
	Services   []Service
}

// Kubernetes is what is known of the clusters.
type Kubernetes struct {
	MinVersion Version `yaml:"min_version"`
}

// Service is one service. Nil and empty fields are not stated.
type Service struct {
	Name     string `yaml:"name,required"`
	Settings `yaml:",inline"`

	Pos config.Pos `yaml:"-"`
}

// Settings are what can be said of a service, and under defaults for all.
type Settings struct {
	Session   Session  `yaml:"session"`
	Shutdown  Shutdown `yaml:"shutdown"`
	Affinity  Affinity `yaml:"affinity"`
	Instances `yaml:",inline"`
}

// Session is where the sessions are and how long they live.
type Session struct {
	Cookie          string         `yaml:"cookie"`
	IdleTimeout     *time.Duration `yaml:"idle_timeout"`     // 0: they end by the absolute one alone
	AbsoluteTimeout *time.Duration `yaml:"absolute_timeout"` // 0: they end by the idle one alone
	Store           config.Secret  `yaml:"store"`            // a URL may hold a password
	Prefix          string         `yaml:"prefix"`
}

// Home is where the sessions are: memory, external, or empty if nothing is
// stated. A URL is external.
func (s Session) Home() string {
	switch store := s.Store.Reveal(); store {
	case "", "memory":
		return store
	default:
		return "external"
	}
}

// Scheme is that of the store's URL: redis, rediss, sqlite …; empty if there is
// no URL.
func (s Session) Scheme() string {
	scheme, _, found := strings.Cut(s.Store.Reveal(), ":")
	if !found {
		return ""
	}
	return scheme
}

// Redis reports whether the sessions are in Redis or Valkey.
func (s Session) Redis() bool {
	return strings.HasPrefix(s.Scheme(), "redis") || strings.HasPrefix(s.Scheme(), "valkey")
}

// Lifetime is the longest time that a session may live without the browser's
// help: the absolute timeout, or else the idle one, or else 30 m, which is what
// servers take.
func (s Session) Lifetime() time.Duration {
	for _, d := range []*time.Duration{s.AbsoluteTimeout, s.IdleTimeout} {
		if d != nil && *d > 0 {
			return *d
		}
	}
	return 30 * time.Minute
}

// Shutdown is the time budget. A zero is no time at all, nil is not stated.
type Shutdown struct {
	Withdraw *time.Duration `yaml:"withdraw"`
	Requests *time.Duration `yaml:"requests"`
	Streams  *time.Duration `yaml:"streams"`
	Flush    *time.Duration `yaml:"flush"`
	LameDuck bool           `yaml:"lame_duck"`
}

// Affinity is what keeps a user with an instance. The gateway checks which keys
// go together and uses all of them.
type Affinity struct {
	Mode       AffinityMode `yaml:"mode"`
	Cookie     string       `yaml:"cookie"`     // the balancer's own
	AppCookie  string       `yaml:"app_cookie"` // the application's
	Header     string       `yaml:"header"`
	LoadFactor float64      `yaml:"load_factor"`
}

// Instances is how a service's instances run and are reached: what render
// writes. Zero fields are not stated; see [Service.Resolved] for what they mean.
type Instances struct {
	Replicas  Replicas       `yaml:"replicas"`
	Port      uint16         `yaml:"port"`
	Image     string         `yaml:"image"`
	Routers   []Router       `yaml:"routers"`
	Host      string         `yaml:"host"`
	Health    Health         `yaml:"health"`
	Start     *time.Duration `yaml:"start"`      // until an instance serves
	KeepAlive *time.Duration `yaml:"keep_alive"` // how long the program keeps idle connections
}

// Replicas is between what numbers a service scales.
type Replicas struct {
	Min int `yaml:"min"`
	Max int `yaml:"max"`
}

// Health is how a balancer asks an instance.
type Health struct {
	Path      string        `yaml:"path"`
	Interval  time.Duration `yaml:"interval"`
	Healthy   int           `yaml:"healthy"`   // answers that make it healthy
	Unhealthy int           `yaml:"unhealthy"` // failures that make it unhealthy
}

// Detection is how long a balancer needs to see that an instance no longer
// wants requests.
func (h Health) Detection() time.Duration { return h.Interval * time.Duration(h.Unhealthy) }

// Registration is how long it needs to see that an instance is healthy.
func (h Health) Registration() time.Duration { return h.Interval * time.Duration(h.Healthy) }

// Resolved is the service with what render takes where nothing is stated: 2 to
// 10 replicas, port 8080, the image NAME:latest, GET /readyz every 5 s with 2
// answers either way, 30 s to start.
func (s Service) Resolved() Service {
	set(&s.Name, "app")
	set(&s.Replicas.Min, 2)
	set(&s.Replicas.Max, max(10, s.Replicas.Min))
	set(&s.Port, 8080)
	set(&s.Image, s.Name+":latest")
	set(&s.Health.Path, "/readyz")
	set(&s.Health.Interval, 5*time.Second)
	set(&s.Health.Healthy, 2)
	set(&s.Health.Unhealthy, 2)
	if s.Start == nil {
		start := 30 * time.Second
		s.Start = &start
	}
	return s
}

func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Stated reports whether there is a policy.
func (p *Policy) Stated() bool { return p.Path != "" }

// Service returns what is stated of the service called name: the only one if
// the policy has one without a name, else nil.
func (p *Policy) Service(name string) *Service {
	for i := range p.Services {
		if s := &p.Services[i]; strings.EqualFold(s.Name, name) {
			return s
		}
	}
	if len(p.Services) == 1 && p.Services[0].Name == "" {
		return &p.Services[0]
	}
	return nil
}

// Budget is the service's time budget; what is not stated is drain's default.
func (s *Service) Budget() drain.Budget {
	return drain.Budget{Withdraw: part(s.Shutdown.Withdraw), Requests: part(s.Shutdown.Requests),
		Streams: part(s.Shutdown.Streams), Flush: part(s.Shutdown.Flush)}
}

func part(d *time.Duration) time.Duration {
	switch {
	case d == nil:
		return 0
	case *d == 0:
		return drain.None
	}
	return *d
}

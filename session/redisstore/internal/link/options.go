package link

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"
)

// Options say how to reach the servers. The zero value works.
type Options struct {
	TLS      *tls.Config // for URLs with rediss; nil verifies the server's name against the system's roots
	Username string      // unless it is in the URL
	Password string      // unless it is in the URL
	// Credentials is asked at every dial, and again after RefreshAfter, in
	// place of a user and password. If it fails after it has worked once, its
	// last answer is used.
	Credentials  func(context.Context) (Credentials, error)
	DialTimeout  time.Duration // of TCP and TLS, and again of the login; 0 is 1 s
	StrictServer bool          // what would be a warning about the server is an error
	WantAOF      bool          // warn of a server without append-only file
	Logger       *slog.Logger  // nil is slog.Default()
	Hook         func(Event)   // nil is none; it is called by whoever finds out and must be fast
	// OnInvalidate gets the keys that somebody else changed, of those that were
	// read through Tracked; nil means that any may have. It is called from
	// several goroutines, must be fast, and must not call the link.
	OnInvalidate func(keys []string)
}

// Credentials are what is logged in with.
type Credentials struct {
	Username     string    // "" is the default user
	Password     string    // "" does not log in, unless there is a user
	RefreshAfter time.Time // ask again then; zero is never
}

// join checks that everything is said once, and completes the location.
func (o Options) join(at *location) error {
	switch {
	case at.username != "" && o.Username != "" || at.password != "" && o.Password != "":
		return errors.New("user or password are in the URL and in the options: give each once")
	case o.Credentials != nil && at.username+at.password+o.Username+o.Password != "":
		return errors.New("there is a user or password and a credentials function: give one of them")
	case o.TLS != nil && !at.tls:
		return errors.New("the options have TLS but the URL does not: write rediss instead of redis")
	case o.DialTimeout < 0:
		return errors.New("the dial timeout is negative")
	}
	at.username += o.Username
	at.password += o.Password
	if at.username != "" && at.password == "" {
		return errors.New("there is a user without a password; a password alone is written :password@host")
	}
	return nil
}

func (o Options) withDefaults(at location) Options {
	if o.TLS == nil && at.tls {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Hook == nil {
		o.Hook = func(Event) {}
	}
	if o.OnInvalidate == nil {
		o.OnInvalidate = func([]string) {}
	}
	return o
}

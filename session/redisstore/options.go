package redisstore

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/evenkeel/evenkeel/session/redisstore/internal/index"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// Options of a Store. Service or Prefix is required.
type Options struct {
	// Service names the service: its keys begin with "ek:<Service>:", behind a
	// brace. Instances that share sessions have the same one.
	Service string
	// Prefix is what keys begin with instead, without braces.
	Prefix string
	// Connection says how to reach the servers, beside the URL.
	Connection Connection
	// Cache is for the copies of sessions in the process.
	Cache CacheOptions
	// Durability is for sign-ins, renewals, sign-outs and revocations.
	Durability Durability
	// Logger gets what operators should know of the servers. Nil is
	// slog.Default().
	Logger *slog.Logger
	// Hook gets it as well. It is called synchronously, from any goroutine,
	// and must be fast. Nil is none.
	Hook func(Event)
}

// Connection says how to reach the servers. The zero value takes all from the
// URL.
type Connection struct {
	TLS      *tls.Config // for rediss URLs; nil verifies the host's name against the system's roots
	Username string      // instead of the URL's
	Password string      // instead of the URL's
	// Credentials are asked for at every dial, instead of Username and
	// Password.
	Credentials func(context.Context) (Credentials, error)
	DialTimeout time.Duration // of one connection with TLS and AUTH; 0 is 1 s
	// StrictServer makes settings of a server that lose sessions an error
	// instead of a warning.
	StrictServer bool
}

// Credentials are what a connection authenticates with.
type Credentials = link.Credentials

// Event is something that an operator wants to know.
type Event = link.Event

// EpochLost is the kind of an Event that reports a principal's epoch which a
// server had lost, and which was made again.
const EpochLost = index.EpochLost

// VictimsLeft is the kind of an Event that reports a sign-in which went on
// although Count sessions that it was to end first could not be reached.
const VictimsLeft = index.VictimsLeft

// Lost is the kind of an Event that reports data which a server should have
// and has not.
const Lost = link.Kind("lost")

// RolledBack is the kind of an Event that reports a session which a server has
// in an older state than it had.
const RolledBack = link.Kind("rolled-back")

func (o Options) link() link.Options {
	return link.Options{
		TLS: o.Connection.TLS, Username: o.Connection.Username, Password: o.Connection.Password,
		Credentials: o.Connection.Credentials, DialTimeout: o.Connection.DialTimeout,
		StrictServer: o.Connection.StrictServer, WantAOF: o.Durability.Replicas > 0, Logger: o.Logger, Hook: o.Hook,
	}
}

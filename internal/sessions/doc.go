// Package sessions is what `evenkeel sessions` does: it shows an operator the
// sessions in a store, and ends them.
//
// Guarantees: nothing that it prints logs anyone in, neither verifiers nor
// their hashes; values of attributes appear only where they are asked for.
// Looking at a session does not keep it alive.
//
// Not guaranteed: a list of all sessions is of no one instant.
package sessions

import (
	"context"
	"io"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// Store is what is looked at.
type Store interface {
	session.Principals
	session.Inspector
	Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error)
	// Scan calls f with every record until it returns an error.
	Scan(ctx context.Context, f func(session.Key, *session.Record) error) error
	Servers(ctx context.Context) ([]redisstore.Server, error)
}

var _ Store = (*redisstore.Store)(nil)

// Output is how a result is written.
type Output struct {
	W    io.Writer
	JSON bool
	Now  func() time.Time // nil is time.Now
}

func (o Output) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// Schema names the form of all JSON that this package writes.
const Schema = "evenkeel.dev/sessions/v1"

// Line is a session in a list.
type Line struct {
	Session       session.Key    `json:"session"`
	Principal     string         `json:"principal,omitempty"`
	Device        string         `json:"device,omitempty"`
	Created       time.Time      `json:"created"`
	Authenticated *time.Time     `json:"authenticated,omitempty"`
	Accessed      *time.Time     `json:"accessed,omitempty"` // absent: its cookie has not come back yet
	Expires       time.Time      `json:"expires"`
	Attributes    int            `json:"attributes,omitempty"`
	Bytes         int            `json:"bytes,omitempty"`
	Gone          session.Reason `json:"gone,omitempty"`
}

func lineOf(key session.Key, r *session.Record) Line {
	return Line{
		Session: key, Principal: r.Principal, Created: r.Created,
		Authenticated: moment(r.Authenticated), Accessed: moment(r.Accessed), Expires: r.Expires(),
		Attributes: len(r.Attributes), Bytes: r.Size, Gone: r.Gone,
	}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

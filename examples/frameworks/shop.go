package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// What the shop keeps in a session.
var (
	cart       = session.NewList[string]("cart")
	streams    = session.NewAttribute[int]("streams")
	attributes = []session.Named{cart, streams}
)

// home is what the shop says of a session.
func home(s *session.Session) (string, error) {
	items, err1 := cart.Values(s)
	n, _, err2 := streams.Get(s)
	return fmt.Sprintf("user %q, cart %q, streams %d\n", s.Principal(), items, n), errors.Join(err1, err2)
}

// open counts a stream. It commits before the first byte, so that the cookie
// of a new session is in the response's header.
func open(ctx context.Context, s *session.Session) error {
	n, _, err := streams.Get(s)
	if err == nil {
		err = streams.Set(s, n+1)
	}
	if err == nil {
		err = s.Commit(ctx)
	}
	return err
}

// pause waits between two events; false is that the stream is over.
func pause(ctx context.Context, s *session.Session) bool {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.Done(): // signed out, here or elsewhere
	case <-ctx.Done():
	}
	return false
}

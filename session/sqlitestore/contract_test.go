package sqlitestore

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

func TestContract(t *testing.T) {
	sessiontest.Test(t, func(t *testing.T) sessiontest.Harness {
		clock := sessiontest.NewClock()
		path := private(t)
		s := open(t, path, Options{Now: clock.Now})
		peer := open(t, path, Options{Now: clock.Now})
		return sessiontest.Harness{
			Store: s,
			Peer:  peer,
			Clock: clock,
			SetFormat: func(_ context.Context, key session.Key, format int) error {
				return rewrite(path, key, func(stored []byte) []byte {
					_, rest, _ := bytes.Cut(stored, []byte{'\n'})
					return append(fmt.Appendf(nil, "_f %d\n", format), rest...)
				})
			},
		}
	})
}

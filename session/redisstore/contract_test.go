package redisstore

import (
	"context"
	"fmt"
	"testing"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

func TestContract(t *testing.T) {
	server := redistest.Start(t)
	client := bare(t, server)
	sessiontest.Test(t, func(t *testing.T) sessiontest.Harness {
		clock := sessiontest.NewClock()
		s := open(t, server, clock.Now)
		return sessiontest.Harness{
			Store: s,
			Peer:  openWith(t, server, s.keys, clock.Now),
			Clock: clock,
			SetFormat: func(ctx context.Context, key session.Key, format int) error {
				name, _ := s.keys.appendSession(nil, key)
				return client.Do(ctx, client.B().Hset().Key(string(name)).FieldValue().
					FieldValue("_f", fmt.Sprint(format)).Build()).Error()
			},
		}
	})
}

// inMode is a store whose every load is in one mode.
type inMode struct {
	*Store
	mode session.CacheMode
}

func (s inMode) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	opt.Cache = s.mode
	return s.Store.Load(ctx, key, opt)
}

// Copies change nothing of the contract: with validated ones it holds for two
// processes, with bounded ones for one.
func TestContractWithCopies(t *testing.T) {
	server := redistest.Start(t)
	for name, mode := range map[string]session.CacheMode{"validated": session.CacheValidated, "bounded": session.CacheBounded} {
		t.Run(name, func(t *testing.T) {
			sessiontest.Test(t, func(t *testing.T) sessiontest.Harness {
				s := open(t, server, nil)
				h := sessiontest.Harness{Store: inMode{s, mode}}
				if mode == session.CacheValidated {
					h.Peer = inMode{openWith(t, server, s.keys, nil), mode}
				}
				return h
			})
		})
	}
}

package memstore_test

import (
	"context"
	"testing"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

func TestContract(t *testing.T) {
	sessiontest.Test(t, func(*testing.T) sessiontest.Harness {
		clock := sessiontest.NewClock()
		store := memstore.New(memstore.Options{Now: clock.Now})
		return sessiontest.Harness{
			Store: store,
			Clock: clock,
			SetFormat: func(_ context.Context, key session.Key, format int) error {
				store.SetFormat(key, format)
				return nil
			},
		}
	})
}

// On the machine's clock the checks that need another one are skipped.
func TestContractOnTheMachinesClock(t *testing.T) {
	sessiontest.Test(t, func(*testing.T) sessiontest.Harness {
		return sessiontest.Harness{Store: memstore.New(memstore.Options{})}
	})
}

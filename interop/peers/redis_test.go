package peers

import (
	"fmt"
	"testing"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redistest"
)

// TestSCSOverRedis shows that nothing of scs's column comes from its store in
// memory, or from how the harness calls it.
func TestSCSOverRedis(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr})
	defer client.Close()
	stores := 0
	lib := library{name: scsLibrary.name, open: func(t testing.TB, name string) service {
		stores++
		return openSCS(t, name, goredisstore.NewWithPrefix(client, fmt.Sprintf("scs:%d:", stores)))
	}}
	for _, s := range edges {
		t.Run(s.edge, func(t *testing.T) { try(t, s, lib) })
	}
}

//go:build linux

package gateway

import (
	"net"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// A host that vanishes answers neither check, though nothing is refused.
func TestVanishedTargetIsFoundByTheCheck(t *testing.T) {
	for _, path := range []string{"", "/readyz"} {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false)
		ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0") // nobody accepts: the kernel does
		must(t, err)
		grp := shop(app(t, "b", nil))
		grp.Health = health.Options{Path: path, Interval: 20 * time.Millisecond, Timeout: 200 * time.Millisecond}
		f := start(t, options(grp))
		must(t, f.Register("shop", target.Target{ID: "a", Address: ln.Addr().String()}))
		if path == "" {
			eventually(t, "healthy", func() bool { return f.status(t, "a").State == target.Healthy })
		}
		filter(t, ln.(*net.TCPListener), dropAll)
		eventually(t, "unhealthy", func() bool {
			return f.status(t, "a").State == target.Unhealthy && f.status(t, "b").State == target.Healthy
		})
		for range 4 {
			once(t, f.addr, "POST", "/", "x").want(t, 200, "b")
		}
		ln.Close()
	}
}

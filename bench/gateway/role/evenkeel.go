package role

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/target"
)

// serveEvenkeel is the gateway as it is meant to be used. It prints the address
// of the admin API as its second line.
func serveEvenkeel(ctx context.Context, l net.Listener, addrs []string) error {
	admin, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o := gateway.GroupOptions{
		Name:                Group,
		Routes:              []string{"/"},
		Affinity:            gateway.AffinityOptions{Mode: gateway.AffinityCookie},
		Health:              gateway.HealthOptions{Path: "/health", Interval: time.Second},
		DeregistrationDelay: DrainBound,
	}
	for i, addr := range addrs {
		o.Targets = append(o.Targets, target.Target{ID: TargetName(i), Address: addr})
	}
	gw, err := gateway.New(gateway.Options{
		Groups: []gateway.GroupOptions{o},
		// Idle connections are held for as long as a measurement takes.
		Traffic: gateway.TrafficOptions{Listener: l, Limits: gateway.LimitOptions{Idle: time.Hour}},
		Admin:   gateway.AdminOptions{Listener: admin},
		Log:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	fmt.Println(admin.Addr())
	return gw.Run(ctx)
}

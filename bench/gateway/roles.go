package main

import (
	"context"
	"fmt"
	"net"

	"github.com/evenkeel/evenkeel/bench/raw"
)

// play is what this program does when it starts itself: a target or a proxy.
// Each prints the address that it listens on as its first line.
func play(ctx context.Context, role string, args []string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	switch role {
	case "raw-target":
		fmt.Println(l.Addr())
		return new(raw.Server).Serve(l)
	case "target":
		return serveTarget(ctx, l, args[0], args[1])
	case "evenkeel":
		return serveEvenkeel(ctx, l, args)
	case "httputil-tuned", "httputil-default", "planted-fault":
		return serveHTTPUtil(l, role, args)
	}
	return fmt.Errorf("no role %q", role)
}

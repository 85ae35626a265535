// Package role is what the benchmark of the gateway does when it starts itself:
// a target, or a proxy that is Go code. Each prints the address that it listens
// on as its first line.
//
//	if len(os.Args) > 2 && os.Args[1] == "role" {
//		err = role.Play(ctx, os.Args[2], os.Args[3:])
//	}
package role

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/evenkeel/evenkeel/bench/raw"
)

// Roles.
const (
	RawTarget = "raw-target" // answers prepared bytes
	Target    = "target"     // of scale-ins: how it ends, its name
	Evenkeel  = "evenkeel"   // prints the address of its admin API too
	Tuned     = "httputil-tuned"
	Default   = "httputil-default"
	Faulty    = "planted-fault" // breaks one answer in a hundred
)

// Group is the name of evenkeel's only group.
const Group = "bench"

// DrainBound is a balancer's for one target, the deregistration delay. Slow
// requests and streams must have time to end in it.
const DrainBound = 6 * time.Second

// TargetName is the ID of the i-th target.
func TargetName(i int) string { return string(rune('a' + i)) }

// Play plays a role to its end. The arguments of a proxy are the addresses of
// its targets.
func Play(ctx context.Context, role string, args []string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	switch role {
	case RawTarget:
		fmt.Println(l.Addr())
		return new(raw.Server).Serve(l)
	case Target:
		if len(args) != 2 {
			return fmt.Errorf("%s: how does it end, and what is its name", role)
		}
		return serveTarget(ctx, l, args[0], args[1])
	case Evenkeel:
		return serveEvenkeel(ctx, l, args)
	case Tuned, Default, Faulty:
		return serveHTTPUtil(l, role, args)
	}
	return fmt.Errorf("no role %q", role)
}

// Package platform is what the platform tells a process, and what the process
// can tell it.
//
//	hosts := platform.Detect(os.Getenv, log)
//	for _, h := range hosts {
//		if d, from, err := h.Grace(ctx); err == nil && d > 0 {
//			log.Info("grace period", "grace", d, "from", from)
//		}
//		go h.Run(ctx, load) // wait for it after the end of ctx
//	}
//
// # Guarantees
//
//   - Nothing is sent anywhere unless the environment asks for it: what changes
//     the platform's state (deletion cost, task protection, lifecycle actions)
//     is off until its variable is true. Only the service manager's socket is
//     used because it is there.
//   - An endpoint that is absent, forbidden, slow or wrong costs a line in the
//     log and nothing else.
//   - What a host took (protection, deletion cost) it gives back before Run
//     returns, within 2 s; if the endpoint is away at that moment, protection
//     lapses by itself.
//   - Only the standard library: it goes into a small static binary.
//
// # Not guaranteed
//
//   - That the grace period is known: ECS does not tell it.
package platform

import (
	"context"
	"log/slog"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/ec2"
	"github.com/evenkeel/evenkeel/internal/platform/ecs"
	"github.com/evenkeel/evenkeel/internal/platform/host"
	"github.com/evenkeel/evenkeel/internal/platform/kubernetes"
	"github.com/evenkeel/evenkeel/internal/platform/systemd"
)

// Load is what the process has to do in a moment.
type Load = host.Load

// Host is a platform that was recognised. It is safe for concurrent use; Run
// is called once.
type Host interface {
	// Name is kubernetes, ecs, systemd or ec2.
	Name() string

	// Grace is the grace period that the platform gives, from the signal to
	// SIGKILL, and where that was read; 0 is unknown. It is bounded by ctx.
	Grace(ctx context.Context) (d time.Duration, from string, err error)

	// Run keeps the platform told until ctx ends, and releases what it took
	// before it returns, within 2 s. It logs a failing endpoint once per
	// change, retries with backoff, and never blocks the way out.
	Run(ctx context.Context, load func() Load)
}

// Notice says that the platform is about to take the machine away without a
// signal: the way out should start.
type Notice = host.Notice

// Noticer is a Host that hears of the end before there is a signal.
type Noticer interface {
	// Notices sends each notice once. The channel is closed after the end of
	// ctx.
	Notices(ctx context.Context) <-chan Notice
}

// Detect returns the hosts that env (os.Getenv) and the file system show.
func Detect(env func(string) string, log *slog.Logger) []Host {
	if log == nil {
		log = slog.Default()
	}
	var hosts []Host
	if h := kubernetes.Detect(env, log); h != nil {
		hosts = append(hosts, h)
	}
	if h := ecs.Detect(env, log); h != nil {
		hosts = append(hosts, h)
	}
	if h := systemd.Detect(env, log); h != nil {
		hosts = append(hosts, h)
	}
	if h := ec2.Detect(env, log); h != nil {
		hosts = append(hosts, h)
	}
	return hosts
}

// Package ec2 hears from the instance metadata service that the instance is
// about to be taken away, and lets the Auto Scaling group go on as soon as the
// process has ended its work.
//
// # Environment
//
//	EVENKEEL_EC2                        true: ask the metadata service; default false
//	EVENKEEL_EC2_LIFECYCLE_HOOK         the group's terminating hook, to be completed when this
//	                                    process has ended; empty: its timeout decides
//	EVENKEEL_EC2_AUTO_SCALING_GROUP     the group; empty is the instance's tag
//	                                    aws:autoscaling:groupName, where tags are in the metadata
//	AWS_EC2_METADATA_SERVICE_ENDPOINT   as for AWS' own SDKs
//
// # Guarantees
//
//   - Only IMDSv2 is spoken. The role's credentials are read for the one call
//     that needs them, and neither kept nor logged.
//   - A lifecycle action is completed only if the metadata say that the instance
//     terminates, and only when the state is Stopped or Run ends: until then the
//     process may have something to finish.
//
// # Not guaranteed
//
//   - That a notice comes: AWS sends those of Spot on a best effort basis, two
//     minutes ahead.
//   - Anything about other processes of the instance: where several must finish,
//     leave EVENKEEL_EC2_LIFECYCLE_HOOK empty and let one thing complete it.
//
// The role needs autoscaling:CompleteLifecycleAction on the group. Containers
// reach the metadata service only with a hop limit of 2.
package ec2

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/platform/host"
)

const defaultEndpoint = "http://169.254.169.254"

// Options is what Detect finds out.
type Options struct {
	Endpoint string // of the metadata service, empty is the link-local address
	Hook     string // empty: nothing is completed
	Group    string // empty: from the instance's tags

	AutoScaling string        // URL of the service, empty is the region's
	Tick        time.Duration // between two looks at the load, 0 is 1 s
	Poll        time.Duration // between two looks at the metadata, 0 is 5 s, as AWS recommends
}

// Host is the instance that this process runs on.
type Host struct {
	opt    Options
	imds   *imds
	remote *http.Client // for the Auto Scaling service
	log    *slog.Logger
	now    func() time.Time // for signatures
}

// Detect returns nil unless EVENKEEL_EC2 is true: asking costs a second where
// there is no metadata service.
func Detect(env func(string) string, log *slog.Logger) *Host {
	if !host.Enabled(env, "EVENKEEL_EC2", log) {
		return nil
	}
	return New(Options{
		Endpoint: env("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
		Hook:     env("EVENKEEL_EC2_LIFECYCLE_HOOK"), Group: env("EVENKEEL_EC2_AUTO_SCALING_GROUP"),
	}, log)
}

// New is a Host that is known.
func New(opt Options, log *slog.Logger) *Host {
	if opt.Endpoint == "" {
		opt.Endpoint = defaultEndpoint
	}
	if opt.Tick == 0 {
		opt.Tick = time.Second
	}
	if opt.Poll == 0 {
		opt.Poll = 5 * time.Second
	}
	opt.Endpoint = strings.TrimSuffix(opt.Endpoint, "/")
	return &Host{
		opt: opt, imds: newIMDS(opt.Endpoint), remote: remoteClient(),
		log: log.With("platform", "ec2"), now: time.Now,
	}
}

// Name implements platform.Host.
func (h *Host) Name() string { return "ec2" }

// Grace is unknown: what takes an instance away sends no signal to a process.
func (h *Host) Grace(context.Context) (d time.Duration, from string, err error) {
	return 0, "", nil
}

// Run completes the lifecycle action when the process has ended, if it is
// known which and the instance terminates.
func (h *Host) Run(ctx context.Context, load func() host.Load) {
	defer h.imds.close()
	defer h.remote.CloseIdleConnections()
	if h.opt.Hook == "" {
		<-ctx.Done()
		return
	}
	look := host.NewTrouble(h.log, "instance metadata", h.opt.Poll, max(time.Minute, h.opt.Poll))
	act := host.NewTrouble(h.log, "lifecycle action", h.opt.Tick, max(time.Minute, h.opt.Tick))
	samples := host.Sample(ctx, h.opt.Tick, load)
	var leaving, terminating, done bool
	var looked time.Time
	for l, ok := host.Next(ctx, samples); ok && !done; l, ok = host.Next(ctx, samples) {
		now := time.Now()
		leaving = leaving || l.State.Leaving()
		if leaving && !terminating && now.Sub(looked) >= h.opt.Poll && look.Ready(now) {
			looked = now
			state, err := h.lifecycleState(ctx)
			terminating = terminates(state)
			h.note(ctx, look, err)
		}
		if terminating && l.State == drain.Stopped && act.Ready(now) {
			err := h.complete(ctx)
			done = h.note(ctx, act, err)
		}
	}
	if !done && leaving {
		h.completeLate(ctx, terminating)
	}
	<-ctx.Done()
}

// completeLate is for a process that ends now.
func (h *Host) completeLate(ctx context.Context, terminating bool) {
	err := host.Release(ctx, func(ctx context.Context) error {
		if !terminating {
			state, err := h.lifecycleState(ctx)
			if err != nil || !terminates(state) {
				return err
			}
		}
		return h.complete(ctx)
	})
	if err != nil {
		h.log.Warn("the lifecycle action was not completed: its timeout decides", "error", err)
	}
}

func (h *Host) note(ctx context.Context, t *host.Trouble, err error) bool {
	if err != nil && ctx.Err() != nil {
		return false
	}
	t.Note(time.Now(), err)
	return err == nil
}

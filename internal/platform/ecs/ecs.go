// Package ecs reads what the task metadata endpoint tells of the task and
// protects the task against scale-in while it has work in flight.
//
// # Environment
//
//	ECS_CONTAINER_METADATA_URI_V4   set by the agent: task metadata
//	ECS_AGENT_URI                   set by the agent: task scale-in protection
//	EVENKEEL_GRACE                  the container's stopTimeout: 60 or 60s
//	EVENKEEL_ECS_TASK_PROTECTION    true: protect the task; default false
//
// The metadata (version 4) do not hold stopTimeout, neither on Fargate nor on
// EC2, and of the capacity provider only the launch type: FARGATE and
// FARGATE_SPOT look the same. So whether two minutes' notice may come cannot be
// known from inside.
// Source: "Amazon ECS task metadata V4 JSON response" and the same for tasks
// on Fargate, Amazon ECS Developer Guide.
//
// Protection needs ecs:GetTaskProtection and ecs:UpdateTaskProtection in the
// task role, and a task of a service; a stopped deployment waits for protected
// tasks.
//
// # Guarantees
//
//   - Protection is taken for 10 minutes and renewed after 5: if the process
//     or the agent dies, it lapses by itself.
//   - It is released when the task has been idle for 10 s, when the way out
//     begins, and when Run ends, also if it is not known whether the call that
//     took it has succeeded.
//   - Requests alone protect for 15 minutes without an idle moment, then no
//     longer: a service that always has requests could otherwise never scale
//     in. Streams protect as long as they last.
//
// # Not guaranteed
//
//   - That ECS accepts it: tasks of no service cannot be protected.
//   - Anything against Spot interruptions, StopTask or a dying instance.
package ecs

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// Options is what Detect finds out.
type Options struct {
	Metadata string // URL of the container's metadata
	Agent    string // URL of the agent, empty is none
	Grace    string // of EVENKEEL_GRACE
	Protect  bool

	Tick  time.Duration // between two looks at the load, 0 is 1 s
	Retry time.Duration // after the first failure, 0 is 2 s
}

// Host is the task that this process runs in.
type Host struct {
	opt    Options
	client *http.Client
	log    *slog.Logger
	now    func() time.Time // that protection is counted by
}

// Detect returns nil outside of ECS.
func Detect(env func(string) string, log *slog.Logger) *Host {
	metadata := env("ECS_CONTAINER_METADATA_URI_V4")
	if metadata == "" {
		return nil
	}
	return New(Options{
		Metadata: metadata, Agent: env("ECS_AGENT_URI"), Grace: env("EVENKEEL_GRACE"),
		Protect: host.Enabled(env, "EVENKEEL_ECS_TASK_PROTECTION", log),
	}, log)
}

// New is a Host that is known.
func New(opt Options, log *slog.Logger) *Host {
	if opt.Tick == 0 {
		opt.Tick = time.Second
	}
	if opt.Retry == 0 {
		opt.Retry = 2 * time.Second
	}
	opt.Metadata, opt.Agent = strings.TrimSuffix(opt.Metadata, "/"), strings.TrimSuffix(opt.Agent, "/")
	return &Host{opt: opt, client: host.Client(nil), log: log.With("platform", "ecs"), now: time.Now}
}

// Name implements platform.Host.
func (h *Host) Name() string { return "ecs" }

// Run protects the task while it has work, if that is asked for.
func (h *Host) Run(ctx context.Context, load func() host.Load) {
	defer h.client.CloseIdleConnections()
	if h.opt.Protect && h.opt.Agent == "" {
		h.log.Warn("task protection is asked for, but there is no agent", "variable", "ECS_AGENT_URI")
	}
	if !h.opt.Protect || h.opt.Agent == "" {
		<-ctx.Done()
		return
	}
	trouble := host.NewTrouble(h.log, "ecs task protection", h.opt.Retry, max(time.Minute, h.opt.Retry))
	samples := host.Sample(ctx, h.opt.Tick, load)
	var p protection
	for l, ok := host.Next(ctx, samples); ok; l, ok = host.Next(ctx, samples) {
		now := h.now()
		want, due := p.due(now, l)
		if !due || !trouble.Ready(time.Now()) {
			continue
		}
		p.tried(want)
		err := h.protect(ctx, want)
		if ctx.Err() != nil {
			break
		}
		trouble.Note(time.Now(), err, needs(err)...)
		if err == nil {
			p.done(now, want)
		}
	}
	if p.mayHold {
		if err := host.Release(ctx, func(ctx context.Context) error { return h.protect(ctx, false) }); err != nil {
			h.log.Warn("task protection could not be released: it lapses by itself", "within", expires, "error", err)
		}
	}
}

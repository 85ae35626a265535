// Package systemd tells the service manager how the process stands: ready,
// stopping, alive; and reads TimeoutStopSec of its own unit.
//
// # Environment
//
//	NOTIFY_SOCKET                 Type=notify, or NotifyAccess= set: where to tell
//	WATCHDOG_USEC, WATCHDOG_PID   WatchdogSec=
//	INVOCATION_ID                 set for every unit
//	LISTEN_FDS, _PID, _FDNAMES    socket activation, see package drain/handover
//
// A program that is started by this process inherits them, unless they are
// taken out of its environment with [Scrub].
//
// # Guarantees
//
//   - READY=1 is sent when the process serves, not before; STOPPING=1 when the
//     way out begins.
//   - During the way out the stop timeout is extended while the load is
//     answered, by 10 s at a time: a budget that is longer than TimeoutStopSec
//     is not cut, a process that hangs is.
//   - The watchdog is fed only by an answer of the load.
//
// # Not guaranteed
//
//   - That systemd listens: NotifyAccess= decides whose word counts.
package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// Options is what Detect finds out.
type Options struct {
	Socket     string        // of NOTIFY_SOCKET, empty is none
	Watchdog   time.Duration // 0 is none
	Invocation bool          // INVOCATION_ID is set

	Tick   time.Duration // between two looks at the load, 0 is 200 ms
	Status time.Duration // between two STATUS= that differ only in numbers, 0 is 2 s
	Extend time.Duration // between two EXTEND_TIMEOUT_USEC=, 0 is 3 s
}

// extension is what each EXTEND_TIMEOUT_USEC asks for.
const extension = 10 * time.Second

// Host is the unit that this process runs in.
type Host struct {
	opt Options
	log *slog.Logger

	cgroup    string // file that names the unit
	systemctl string // program, looked up in PATH
}

// Detect returns nil outside of a unit.
func Detect(env func(string) string, log *slog.Logger) *Host {
	opt := Options{Socket: env("NOTIFY_SOCKET"), Invocation: env("INVOCATION_ID") != ""}
	if opt.Socket == "" && !opt.Invocation {
		return nil
	}
	watchdog, err := watchdogOf(env, os.Getpid())
	if err != nil {
		log.Warn("no watchdog", "error", err)
	}
	opt.Watchdog = watchdog
	return New(opt, log)
}

// New is a Host that is known.
func New(opt Options, log *slog.Logger) *Host {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&opt.Tick, 200*time.Millisecond)
	set(&opt.Status, 2*time.Second)
	set(&opt.Extend, 3*time.Second)
	if opt.Watchdog > 0 {
		opt.Tick = max(min(opt.Tick, opt.Watchdog/8), time.Millisecond)
	}
	return &Host{opt: opt, log: log.With("platform", "systemd"), cgroup: "/proc/self/cgroup", systemctl: "systemctl"}
}

// watchdogOf is WATCHDOG_USEC, unless it is meant for another process.
func watchdogOf(env func(string) string, pid int) (time.Duration, error) {
	usec := env("WATCHDOG_USEC")
	if p := env("WATCHDOG_PID"); usec == "" || p != "" && p != strconv.Itoa(pid) {
		return 0, nil
	}
	n, err := strconv.ParseUint(usec, 10, 63)
	if err != nil || n == 0 || n > uint64(24*365*time.Hour/time.Microsecond) {
		return 0, fmt.Errorf("WATCHDOG_USEC is %q, want a number of microseconds", host.Line(usec))
	}
	return time.Duration(n) * time.Microsecond, nil
}

// Name implements platform.Host.
func (h *Host) Name() string { return "systemd" }

// Run tells the service manager until ctx ends. There is nothing to release.
func (h *Host) Run(ctx context.Context, load func() host.Load) {
	if h.opt.Socket == "" {
		<-ctx.Done()
		return
	}
	trouble := host.NewTrouble(h.log, "NOTIFY_SOCKET", h.opt.Tick, max(5*time.Second, h.opt.Tick))
	samples := host.Sample(ctx, h.opt.Tick, load)
	w := words{opt: h.opt}
	for l, ok := host.Next(ctx, samples); ok; l, ok = host.Next(ctx, samples) {
		now := time.Now()
		say := w.due(now, l)
		if len(say) == 0 || !trouble.Ready(now) {
			continue
		}
		err := send(h.opt.Socket, say)
		trouble.Note(now, err)
		if err == nil {
			w.said(now, l, say)
		}
	}
}

// words decides what to say, and when. What was not heard is due again.
type words struct {
	opt Options

	ready, stopping           bool
	state                     drain.State
	load                      host.Load
	status, extended, watched time.Time
}

const (
	wordReady    = "READY=1"
	wordStopping = "STOPPING=1"
	wordWatchdog = "WATCHDOG=1"
)

func (w *words) due(now time.Time, l host.Load) (say []string) {
	if l.State == drain.Serving && !w.ready {
		say = append(say, wordReady)
	}
	if l.State.Leaving() {
		if !w.stopping {
			say = append(say, wordStopping)
		}
		if l.State < drain.Stopped && now.Sub(w.extended) >= w.opt.Extend {
			say = append(say, "EXTEND_TIMEOUT_USEC="+strconv.FormatInt(extension.Microseconds(), 10))
		}
	}
	if w.opt.Watchdog > 0 && now.Sub(w.watched) >= w.opt.Watchdog/2-w.opt.Tick {
		say = append(say, wordWatchdog)
	}
	if l.State != w.state || l != w.load && now.Sub(w.status) >= w.opt.Status {
		say = append(say, statusOf(l))
	}
	return say
}

func (w *words) said(now time.Time, l host.Load, say []string) {
	for _, s := range say {
		switch {
		case s == wordReady:
			w.ready = true
		case s == wordStopping:
			w.stopping = true
		case s == wordWatchdog:
			w.watched = now
		case s[0] == 'E':
			w.extended = now
		default:
			w.status, w.state, w.load = now, l.State, l
		}
	}
}

func statusOf(l host.Load) string {
	return fmt.Sprintf("STATUS=%v: %d requests, %d streams in flight", l.State, l.Requests, l.Streams)
}

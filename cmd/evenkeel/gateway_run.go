package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/evenkeel/evenkeel/drain/handover"
	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/metrics"
)

// Names of the sockets that systemd or the process before may pass.
const (
	trafficSocket = "traffic"
	adminSocket   = "admin"
)

// gatewayProcess is the life of one `evenkeel gateway`. All but the counter
// belongs to the goroutine of run.
type gatewayProcess struct {
	flags   gatewayFlags
	gw      *gateway.Gateway
	path    string // of the configuration
	state   string // its file, or off
	traffic *handover.Listener
	admin   *handover.Listener // nil: none
	in      *handover.Inherited
	out     io.Writer
	log     *slog.Logger

	signals        chan os.Signal
	ended          chan error // of the gateway's Run
	upgrades       chan upgraded
	upgrading      bool
	tolerated      int // signals to end that change nothing, since it ends already
	failedUpgrades atomic.Int64
}

// upgraded is how an upgrade has ended.
type upgraded struct {
	pid int
	err error
}

// runGateway runs until a signal, and returns when all is over.
func runGateway(ctx context.Context, flags gatewayFlags, out io.Writer, log *slog.Logger) error {
	p := &gatewayProcess{flags: flags, out: out, log: log, signals: make(chan os.Signal, 16), ended: make(chan error, 1), upgrades: make(chan upgraded, 1)}
	signal.Notify(p.signals, os.Interrupt, syscall.SIGTERM, reloadSignal)
	if upgradeSignal != nil {
		signal.Notify(p.signals, upgradeSignal)
	}
	defer signal.Stop(p.signals)
	if err := p.prepare(ctx); err != nil {
		p.close()
		return usageError(err)
	}
	gw, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go func() { p.ended <- p.gw.Run(gw) }()
	return p.run(ctx, end)
}

// prepare opens and checks everything that can be wrong with the start.
func (p *gatewayProcess) prepare(ctx context.Context) (err error) {
	if p.in, err = handover.Inherit(trafficSocket, adminSocket); err != nil {
		return err
	}
	opt, path, err := p.flags.options()
	if err != nil {
		return err
	}
	if p.traffic, err = p.listen(ctx, trafficSocket, opt.Traffic.Listen); err != nil {
		return err
	}
	opt.Traffic.Listener = p.traffic
	if opt.Admin.Listen != "" {
		if p.admin, err = p.listen(ctx, adminSocket, opt.Admin.Listen); err != nil {
			return err
		}
		opt.Admin.Listener = p.admin
	}
	opt.Log = p.log
	opt.Admin.Metrics = metrics.Handler(metrics.Labelled(p.families), metrics.Handover(p.handoverStats))
	if p.gw, err = gateway.New(opt); err != nil {
		return err
	}
	p.path, p.state = path, opt.State
	return p.in.Prepared()
}

// listen takes the inherited socket, or opens one.
func (p *gatewayProcess) listen(ctx context.Context, name, address string) (*handover.Listener, error) {
	if ln := p.in.Take(name, address); ln != nil {
		return ln, nil
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return handover.Wrap(ln, address), nil
}

// close gives up what prepare has opened.
func (p *gatewayProcess) close() {
	if p.in != nil {
		p.in.Close()
	}
	for _, ln := range p.listeners() {
		_ = ln.Close() // the process ends
	}
}

func (p *gatewayProcess) listeners() []handover.Named {
	var all []handover.Named
	if p.traffic != nil {
		all = append(all, handover.Named{Name: trafficSocket, Listener: p.traffic})
	}
	if p.admin != nil {
		all = append(all, handover.Named{Name: adminSocket, Listener: p.admin})
	}
	return all
}

// run is the process from the first accepted connection to its end.
func (p *gatewayProcess) run(ctx context.Context, end context.CancelFunc) error {
	for _, ln := range p.listeners() {
		select {
		case <-ln.Accepting():
		case err := <-p.ended:
			p.close()
			return usageError(err)
		}
	}
	if err := p.begin(); err != nil {
		end()
		err = errors.Join(err, <-p.ended)
		p.close()
		return usageError(err)
	}
	for {
		select {
		case err := <-p.ended:
			return &exitError{exitBad, errors.Join(err, p.removePID())}
		case <-ctx.Done(): // a signal to end, which may have come before ours were heard
			p.tolerated = 1 // if not, it is among them too
			return p.leave(end, true)
		case s := <-p.signals:
			switch s {
			case reloadSignal:
				p.reload(ctx)
			case upgradeSignal:
				p.upgrade(ctx)
			default:
				return p.leave(end, true)
			}
		case u := <-p.upgrades:
			if p.upgrading = false; u.err == nil {
				return p.handOver(end, u.pid)
			}
			p.failedUpgrades.Add(1)
			u.err = errors.Join(u.err, p.writePID()) // the new one may have put its own there
			p.log.LogAttrs(ctx, slog.LevelError, "upgrade failed, this process goes on", slog.Any("error", u.err))
			p.notify("READY=1")
		}
	}
}

// begin tells everybody that the gateway serves. Until then the process before
// can go on without this one.
func (p *gatewayProcess) begin() error {
	if err := p.writePID(); err != nil {
		return err
	}
	p.in.Serving()
	p.tellStart()
	p.notify("READY=1", "STATUS=serving "+p.traffic.Addr().String())
	return nil
}

// reload reads the file again; the gateway logs what became of it, and keeps it
// for GET /v1/config.
func (p *gatewayProcess) reload(ctx context.Context) {
	p.notify(handover.Reloading()...)
	if changes, err := p.gw.Reload(ctx); err == nil {
		p.say("reloaded: %s", count(len(changes), "change"))
	}
	p.notify("READY=1")
}

// upgrade starts the new process, unless one is being started.
func (p *gatewayProcess) upgrade(ctx context.Context) {
	if p.upgrading {
		return
	}
	p.upgrading = true
	p.notify(handover.Reloading()...)
	command, err := handover.Command()
	if err != nil {
		p.upgrades <- upgraded{err: err}
		return
	}
	p.say("upgrade: starting %s", command[0])
	u := handover.Upgrade{Command: command, Listeners: p.listeners()}
	u.Release = func() (retake func() error, err error) {
		resume, err := p.gw.HandOverState()
		return func() error { return resume(context.WithoutCancel(ctx)) }, err
	}
	go func() {
		pid, err := u.Run(ctx)
		p.upgrades <- upgraded{pid, err}
	}()
}

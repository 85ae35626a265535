package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// handOver ends this process for the new one, which accepts already.
func (p *gatewayProcess) handOver(end context.CancelFunc, pid int) error {
	for _, ln := range p.listeners() {
		if err := ln.Stop(); err != nil {
			p.log.LogAttrs(context.Background(), slog.LevelWarn, "a listener was not closed", slog.Any("error", err))
		}
	}
	p.notify("MAINPID="+strconv.Itoa(pid), "READY=1") // the new one may not be heard yet
	p.say("upgrade: process %d serves, this one ends", pid)
	p.tolerated = 1 // a service manager that stops both tells both
	return p.leave(end, false)
}

// leave is the way out: readiness fails while all is served as before, then
// nothing is accepted and clients that come on their connections are asked to
// close them, then the gateway's Run waits for what is in flight. A further
// signal cuts it short.
func (p *gatewayProcess) leave(end context.CancelFunc, last bool) error {
	if p.upgrading { // ctx has ended for it too, so that no new process stays behind
		if u := <-p.upgrades; u.err == nil {
			p.say("upgrade: process %d serves already", u.pid)
		}
	}
	if last {
		p.notify("STOPPING=1")
	}
	requests, streams, cutBefore := p.load()
	p.say("leaving: %s and %s in flight", count(requests, "request"), count(streams, "stream"))
	p.gw.Withdraw()
	patient := !last || p.pause(p.flags.withdraw)
	if err := p.traffic.Stop(); err != nil && !errors.Is(err, net.ErrClosed) {
		p.log.LogAttrs(context.Background(), slog.LevelWarn, "the listener was not closed", slog.Any("error", err))
	}
	patient = patient && p.pause(p.flags.linger)
	requests, streams, _ = p.load()
	p.say("closing idle connections: %s and %s in flight", count(requests, "request"), count(streams, "stream"))
	end()
	if !patient {
		p.gw.Cut()
	}
	err := p.await()
	_, _, cut := p.load()
	if cut -= cutBefore; cut > 0 {
		p.say("ended: %d cut", cut)
	} else {
		p.say("ended: nothing was cut")
	}
	if err = errors.Join(err, p.removePID()); err != nil {
		return &exitError{exitBad, err}
	}
	return nil
}

// pause waits, and reports false if a signal to end came.
func (p *gatewayProcess) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return true
		case s := <-p.signals:
			if p.hurries(s) {
				return false
			}
		}
	}
}

// hurries reports whether a signal cuts the end short.
func (p *gatewayProcess) hurries(s os.Signal) bool {
	if s == reloadSignal || s == upgradeSignal {
		return false
	}
	p.tolerated--
	return p.tolerated < 0
}

// await waits for the end of the gateway's Run.
func (p *gatewayProcess) await() error {
	for {
		select {
		case err := <-p.ended:
			return err
		case s := <-p.signals:
			if p.hurries(s) {
				p.gw.Cut()
			}
		}
	}
}

// load is what is in flight, and what has been cut so far.
func (p *gatewayProcess) load() (requests, streams, cut int) {
	for _, g := range p.gw.Stats().Groups {
		cut += int(g.Cut)
		for _, t := range g.Targets {
			requests += t.InFlight
			streams += t.Streams
		}
	}
	return requests, streams, cut
}

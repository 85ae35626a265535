package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/drain/handover"
	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/metrics"
)

func (p *gatewayProcess) say(format string, args ...any) {
	fmt.Fprintf(p.out, format+"\n", args...)
}

// tellStart says where the gateway listens and what it serves.
func (p *gatewayProcess) tellStart() {
	p.say("configuration %s", p.path)
	for _, g := range p.gw.Stats().Groups {
		targets := make([]string, len(g.Targets))
		for i, t := range g.Targets {
			targets[i] = t.ID + " " + t.Address
		}
		p.say("group %s: %s %s", g.Name, count(len(targets), "target"), strings.Join(targets, ", "))
	}
	if p.state == gateway.StateOff {
		p.say("state is not kept")
	} else {
		p.say("state in %s", p.state)
	}
	if keys := p.gw.KeyFile(); keys != "" {
		p.say("keys of cookies in %s", keys)
	} else {
		p.say("keys of cookies end with this process")
	}
	if p.admin != nil {
		p.say("admin API on http://%s", p.admin.Addr())
	}
	p.say("traffic on %s", p.traffic.Addr())
}

// families are the gateway's metrics, also before it is made.
func (p *gatewayProcess) families() []metrics.Family {
	var s gateway.Stats
	if p.gw != nil {
		s = p.gw.Stats()
	}
	var out []metrics.Family
	for _, m := range s.Metrics() {
		f := metrics.Family{Name: m.Name, Help: m.Help, Counter: m.Counter, Labels: m.Labels}
		for _, v := range m.Samples {
			f.Samples = append(f.Samples, metrics.Sample{Labels: v.Labels, Value: v.Value})
		}
		out = append(out, f)
	}
	return out
}

func (p *gatewayProcess) handoverStats() metrics.HandoverStats {
	return metrics.HandoverStats{Failures: p.failedUpgrades.Load()}
}

// writePID writes the file that was asked for.
func (p *gatewayProcess) writePID() error {
	if p.flags.pidFile == "" {
		return nil
	}
	if err := os.WriteFile(p.flags.pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return fmt.Errorf("--pid-file: %w", err)
	}
	return nil
}

// removePID removes the file, unless it is another process's by now.
func (p *gatewayProcess) removePID() error {
	if p.flags.pidFile == "" {
		return nil
	}
	b, err := os.ReadFile(p.flags.pidFile)
	if err != nil || strings.TrimSpace(string(b)) != strconv.Itoa(os.Getpid()) {
		return nil //nolint:nilerr // there is none to remove
	}
	return os.Remove(p.flags.pidFile)
}

func (p *gatewayProcess) notify(state ...string) {
	if err := handover.Notify(state...); err != nil {
		p.log.LogAttrs(context.Background(), slog.LevelWarn, "the service manager was not told", slog.Any("error", err))
	}
}

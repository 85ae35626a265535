package host

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/unit"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// unitRules are the rules of systemd's services.
var unitRules = []*rule.Rule{
	{
		ID: "EK-SYS-001", Severity: rule.Error, Autofix: rule.Safe, Surface: "systemd unit",
		Title:   "TimeoutStopSec is shorter than what must finish",
		Why:     "systemd sends SIGKILL while requests are still running or sessions are being written: users see errors, and the last changes are gone.",
		Fix:     "Set TimeoutStopSec to withdraw + max(requests, streams) + flush + margin.",
		Sources: []string{"systemd.service(5): TimeoutStopSec, for each command of ExecStop and again for the stop; DefaultTimeoutStopSec 90 s"},
		Check:   checkUnitTimeout,
	},
	{
		ID: "EK-SYS-002", Severity: rule.Error, Autofix: rule.Guided, Surface: "systemd unit",
		Title: "the way the unit is stopped cuts requests",
		Why: "A server that gets its fast signal drops the requests it is serving. With KillMode none or process its workers are left behind: they hold " +
			"the port and serve on with the old configuration, or are killed later at any moment.",
		Fix:     "Set KillSignal to the server's graceful signal, and KillMode to mixed.",
		Sources: []string{"systemd.kill(5): KillMode, KillSignal", "nginx, Controlling nginx", "HAProxy management guide", "Apache: stopping and restarting", "php-fpm: SIGQUIT graceful"},
		Check:   checkKill,
	},
}

func units(p *rule.Pass, see func(*model.Service, *unit.Unit)) {
	for _, s := range p.Services {
		if s.Unit != nil {
			see(s, s.Unit)
		}
	}
}

// started is the program that a unit starts, without systemd's prefixes.
func started(u *unit.Unit) string {
	words := strings.Fields(strings.TrimLeft(u.Start.Value, "@-:+!|"))
	if len(words) == 0 {
		return ""
	}
	return path.Base(words[0])
}

func checkUnitTimeout(p *rule.Pass) {
	units(p, func(s *model.Service, u *unit.Unit) {
		stated := s.Needs.Requests.Stated || s.Needs.Streams.Stated || s.Needs.Flush.Stated
		if !s.Grace.Known() || !stated {
			return
		}
		sum, text := s.Needs.Drain(), s.Needs.String()
		if s.Needs.LameDuck || strings.HasPrefix(started(u), "evenkeel") {
			sum += s.Needs.Withdraw.D
			text = "withdraw " + s.Needs.Withdraw.String() + " + " + text
		}
		if u.Wait.Known() && u.Wait.V > sum {
			sum, text = u.Wait.V, u.Wait.String()
		}
		margin := policy.Margin(sum)
		if sum+margin <= s.Grace.V {
			return
		}
		f := rule.Finding{Node: s.Grace.At(u.Node), Service: s,
			Message:    fmt.Sprintf("systemd kills %s after %s, but it needs %s to leave", s.Name, value.Seconds(s.Grace.V), value.Seconds(sum+margin)),
			Arithmetic: fmt.Sprintf("%s + margin %s = %s > %s", text, value.Seconds(margin), value.Seconds(sum+margin), s.Grace)}
		if sum <= s.Grace.V {
			f.Severity = rule.Warn
		}
		value := rule.WholeSeconds(sum + margin)
		if s.Grace.Written() {
			f.Fix = rule.Mend("set TimeoutStopSec to "+value, edit.Set(s.Grace.Node, value))
		} else {
			f.Fix = rule.Mend("set TimeoutStopSec to "+value, edit.Insert(u.Node, edit.Entry{Key: "TimeoutStopSec", Value: value}))
		}
		p.Report(f)
	})
}

// fastStop and slowStop are commands of ExecStop that stop a server fast and in
// an orderly way.
var (
	fastStop = regexp.MustCompile(`(?i)(-s\s*|-|\s)(SIG)?(TERM|INT|KILL)\b|-s\s+stop\b|\bstop\s*$`)
	slowStop = regexp.MustCompile(`(?i)\b(SIG)?(QUIT|USR1|WINCH)\b|\bgraceful|\bdrain\b`)
)

// leavers start what is to outlive them: sessions, jobs, containers.
var leavers = map[string]bool{"sshd": true, "cron": true, "crond": true, "atd": true, "dockerd": true, "containerd": true, "crio": true,
	"podman": true, "kubelet": true, "libvirtd": true, "lxcfs": true, "lxd": true, "tmux": true, "screen": true, "dropbear": true}

// killSeverity is one grade less where only the main process is stopped, of a
// program that may have no other.
func killSeverity(mode, right string) rule.Severity {
	if mode == "process" && right == "" {
		return rule.Warn
	}
	return rule.Error
}

func checkKill(p *rule.Pass) {
	units(p, func(s *model.Service, u *unit.Unit) {
		name := serverNames[started(u)]
		if versioned.MatchString(started(u)) {
			name = "php-fpm"
		}
		right := strings.TrimPrefix(image.Graceful[name], "SIG")
		switch {
		case u.KillMode.Written() && (u.KillMode.V == "none" || u.KillMode.V == "process" && !leavers[started(u)]):
			p.Report(rule.Finding{Node: u.KillMode.Node, Service: s, Severity: killSeverity(u.KillMode.V, right), Message: fmt.Sprintf("KillMode=%s leaves processes of %s behind when it stops", u.KillMode.V, s.Name),
				Fix: rule.Ask("what shall be stopped?", rule.Choice{Title: "the main process first, the others at the end: mixed", Edits: edit.Set(u.KillMode.Node, "mixed")})})
		case right == "":
		case u.Stop != nil:
			if fastStop.MatchString(u.Stop.Value) && !slowStop.MatchString(u.Stop.Value) {
				p.Report(rule.Finding{Node: u.Stop, Service: s, Message: fmt.Sprintf("ExecStop stops %s fast: running requests are cut; SIG%s lets them finish", name, right)})
			}
		case u.Signal.Known() && slices.Contains([]string{"TERM", "INT", "KILL"}, u.Signal.V):
			f := rule.Finding{Node: u.Signal.At(u.Node), Service: s,
				Message: fmt.Sprintf("KillSignal=SIG%s stops %s fast: running requests are cut; SIG%s lets them finish", u.Signal.V, name, right)}
			edits := edit.Insert(u.Node, edit.Entry{Key: "KillSignal", Value: "SIG" + right})
			if u.Signal.Written() {
				edits = edit.Set(u.Signal.Node, "SIG"+right)
			} else {
				f.Message = fmt.Sprintf("KillSignal is not set, and SIGTERM stops %s fast: running requests are cut; SIG%s lets them finish", name, right)
			}
			f.Fix = rule.Ask("which signal shall stop "+name+"?", rule.Choice{Title: "SIG" + right, Edits: edits})
			p.Report(f)
		}
	})
}

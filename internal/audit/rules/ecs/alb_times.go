package ecs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/boot"
	"github.com/evenkeel/evenkeel/internal/audit/rules/shellscript"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// albTimes are the rules of timeouts and delays of an ALB.
var albTimes = []*rule.Rule{
	{
		ID: "EK-ALB-004", Severity: rule.Error, Autofix: rule.Safe, Surface: "target group",
		Title: "slow start that does not take effect",
		Why: "Slow start is 30 s to 900 s, or 0 for none; other values are refused. It belongs to round robin: " +
			"with another algorithm a new target gets its full share at once after a scale-out. That AWS refuses or ignores the combination is common knowledge, but was not confirmed in its reference, so that part is a note only.",
		Fix:     "Use round_robin, or set slow start to 0.",
		Sources: []string{"Elastic Load Balancing: target group attributes, slow_start.duration_seconds 30 to 900"},
		Check:   checkSlowStart,
	},
	{
		ID: "EK-ALB-005", Severity: rule.Error, Autofix: rule.Safe, Surface: "ALB and program",
		Title:   "the program closes idle connections before the balancer does",
		Why:     "The balancer sends a request on a connection that the program has just closed, and answers 502. It happens at random, more often when there is little traffic.",
		Fix:     "Set the program's keep-alive 5 s to 15 s longer than the balancer's idle timeout.",
		Sources: []string{"Elastic Load Balancing: troubleshoot ALBs, HTTP 502", "uvicorn: --timeout-keep-alive (default 5)", "gunicorn: --keep-alive (default 2)"},
		Check:   checkBackendKeepAlive,
	},
	{
		ID: "EK-ALB-006", Severity: rule.Error, Autofix: rule.Safe, Surface: "ALB",
		Title:   "the balancer's idle timeout is shorter than the longest request",
		Why:     "A request that sends nothing for that long is answered 504 by the balancer while the program still works on it.",
		Fix:     "Set idle_timeout to the longest request + margin; 4000 s at most.",
		Sources: []string{"Elastic Load Balancing: ALB attributes, idle_timeout.timeout_seconds (default 60, 1 to 4000)"},
		Check:   checkIdle,
	},
	{
		ID: "EK-ALB-007", Severity: rule.Error, Autofix: rule.Safe, Surface: "target group",
		Title:    "no deregistration delay",
		Why:      "Everything that runs on a target is cut in the moment it is taken out.",
		Fix:      "Set the deregistration delay to the longest request + margin.",
		Sources:  []string{"Elastic Load Balancing: target group attributes, deregistration_delay.timeout_seconds (default 300)"},
		YieldsTo: []string{"EK-ECS-003"},
		Check:    checkNoDelay,
	},
	{
		ID: "EK-ALB-011", Severity: rule.Warn, Autofix: rule.Safe, Surface: "target group",
		Title:   "the balancer notices a leaving program only after it has stopped serving",
		Why:     "The program serves on after SIGTERM for a while and fails its health check, so that the balancer can turn away. The balancer needs longer than that to notice.",
		Fix:     "Check the health every 5 s to 10 s with an unhealthy threshold of 2.",
		Sources: []string{"Elastic Load Balancing: health checks for target groups (interval 30 by default)"},
		Check:   checkDetection,
	},
}

func checkSlowStart(p *rule.Pass) {
	for _, g := range p.AWS.TargetGroups {
		v := g.SlowStart
		if g.Network || !v.Written() || v.V == 0 {
			continue
		}
		if v.V < 30*time.Second || v.V > 900*time.Second {
			p.Report(group(p, g, rule.Finding{Node: v.Node, Message: fmt.Sprintf("%s is not within 30 s to 900 s", v),
				Fix: Set(v, g.Body, rule.WholeSeconds(min(max(v.V, 30*time.Second), 900*time.Second)))}))
			continue
		}
		if a := g.Algorithm; a.Written() && a.V != "round_robin" && a.V != "" {
			p.Report(group(p, g, rule.Finding{Node: a.Node, Severity: rule.Info, Message: fmt.Sprintf("slow start of %s has no effect with %s", value.Seconds(v.V), a.V),
				Fix: Set(a, g.Body, "round_robin")}))
		}
	}
}

func checkNoDelay(p *rule.Pass) {
	for _, g := range p.AWS.TargetGroups {
		nothing := slices.ContainsFunc(p.Behind(g), func(s *model.Service) bool { d, stated := busy(s); return stated && d == 0 })
		if !g.Delay.Written() || g.Delay.V != 0 || nothing {
			continue
		}
		p.Report(group(p, g, rule.Finding{Node: g.Delay.Node, Message: "running requests are cut when a target is taken out",
			Arithmetic: g.Delay.String(), Fix: Set(g.Delay, g.Body, rule.WholeSeconds(withMargin(30*time.Second)))}))
	}
}

func checkIdle(p *rule.Pass) {
	for s, t := range webTasks(p) {
		r := s.Needs.Requests
		for _, l := range t.Balancers() {
			v := l.IdleTimeout
			if l.Network || !v.Known() || v.V >= r.D || !r.Stated && !v.Written() {
				continue
			}
			f := rule.Finding{Node: v.At(l.Node), Service: s, Subject: "load balancer " + l.Name,
				Message:    fmt.Sprintf("a request that is silent for %s is answered 504", value.Seconds(v.V)),
				Arithmetic: fmt.Sprintf("%s < requests %s", v, r)}
			if !r.Stated {
				f.Severity = rule.Warn
			}
			if d := withMargin(r.D); d <= 4000*time.Second {
				f.Fix = Set(v, l.Body, rule.WholeSeconds(d))
			}
			p.Report(f)
		}
	}
}

func checkDetection(p *rule.Pass) {
	for s, t := range webTasks(p) {
		if !s.Needs.LameDuck || !s.Needs.Withdraw.Stated {
			continue
		}
		for _, g := range t.Groups {
			detection, known := g.Health.Detection()
			if !known || detection <= s.Needs.Withdraw.D {
				continue
			}
			p.Report(rule.Finding{Node: g.Health.Interval.At(g.Node), Service: s, Subject: "target group " + g.Name,
				Message: fmt.Sprintf("the program has stopped serving when the balancer notices, after %s", value.Seconds(detection)),
				Arithmetic: fmt.Sprintf("%s × %s = %s > withdraw %s", g.Health.Interval, g.Health.Unhealthy,
					value.Seconds(detection), s.Needs.Withdraw), Fix: quicker(g, s.Needs.Withdraw.D)})
		}
	}
}

// leastInterval is ELB's for health checks.
const leastInterval = 5 * time.Second

// quicker lets g notice within d, by its interval alone; nil if that does not
// suffice.
func quicker(g *aws.TargetGroup, d time.Duration) *rule.Change {
	interval := (d / time.Duration(max(g.Health.Unhealthy.V, 1))).Truncate(time.Second)
	if interval < leastInterval || !g.Health.Interval.Written() {
		return nil
	}
	return Set(g.Health.Interval, g.Body, rule.WholeSeconds(interval))
}

func checkBackendKeepAlive(p *rule.Pass) {
	boot.Each(p, boot.ServerIdle(balancerIdles))
	for s, t := range webTasks(p) {
		v, at := keepAlive(t.Main)
		if at == nil {
			continue
		}
		for _, l := range t.Balancers() {
			if l.Network || !l.IdleTimeout.Known() || v.V > l.IdleTimeout.V {
				continue
			}
			p.Report(rule.Finding{Node: at, Service: s,
				Message:    fmt.Sprintf("the program closes idle connections after %s, the balancer after %s", value.Seconds(v.V), value.Seconds(l.IdleTimeout.V)),
				Arithmetic: fmt.Sprintf("%s ≤ %s", v, l.IdleTimeout), Fix: longerKeepAlive(t, v, l.IdleTimeout.V)})
			break
		}
	}
}

// longerKeepAlive sets a written option to 15 s more than the balancer's
// timeout.
func longerKeepAlive(t *aws.TaskService, v value.Value[time.Duration], idle time.Duration) *rule.Change {
	if !v.Written() || containerBody(t) == nil {
		return nil
	}
	value := rule.WholeSeconds(idle + 15*time.Second)
	title := "set " + v.Name + " to " + value
	written := regexp.MustCompile(`(` + v.Name + `[= ])\d+`)
	for _, list := range []string{"entryPoint", "command", "EntryPoint", "Command"} {
		items := t.Main.Node.Get(list).List()
		for i, n := range items {
			if n.Text() == v.Name && i+1 < len(items) {
				return rule.Mend(title, edit.Set(items[i+1], value))
			}
			if text := n.Text(); written.MatchString(text) {
				return rule.Mend(title, edit.Set(n, written.ReplaceAllString(text, "${1}"+value)))
			}
		}
	}
	return nil
}

// keeper is a program whose command line says how long it keeps connections.
type keeper struct {
	command *regexp.Regexp
	option  *regexp.Regexp
	name    string
	length  time.Duration // its default
}

var keepers = []keeper{
	{regexp.MustCompile(`(^|[\s/])uvicorn\s`), regexp.MustCompile(`--timeout-keep-alive[= ](\d+)`), "--timeout-keep-alive", 5 * time.Second},
	// gunicorn's sync worker, the default, keeps no connections.
	{regexp.MustCompile(`(^|[\s/])gunicorn\s.*(-k|--worker-class|--threads)[= ]`), regexp.MustCompile(`--keep-alive[= ](\d+)`), "--keep-alive", 2 * time.Second},
	{regexp.MustCompile(`(^|[\s/])hypercorn\s`), regexp.MustCompile(`--keep-alive[= ](\d+)`), "--keep-alive", 5 * time.Second},
}

// keepAlive is how long the program in c keeps idle connections by its command
// line, and where that stands; nil if it is not known.
func keepAlive(c *aws.TaskContainer) (v value.Value[time.Duration], at *tree.Node) {
	if c == nil || c.Command == nil || len(c.Words) == 0 {
		return v, nil
	}
	line := strings.Join(c.Words, " ") + " "
	for _, k := range keepers {
		if !k.command.MatchString(line) || strings.Contains(line, " -c ") && !slices.Contains(shellscript.Shells, base(c.Words[0])) || strings.Contains(line, "--config") {
			continue
		}
		v = value.Of(k.name, k.length)
		if found := k.option.FindStringSubmatch(line); found != nil {
			d, err := time.ParseDuration(found[1] + "s")
			if err != nil {
				return v, nil
			}
			v.V, v.State = d, value.Written
		}
		return v, c.Command
	}
	return v, nil
}

// balancerIdles are the idle timeouts of the ALBs in front of a task.
func balancerIdles(s *model.Service) (all []value.Value[time.Duration]) {
	if s.Task == nil {
		return nil
	}
	for _, l := range s.Task.Balancers() {
		if !l.Network {
			all = append(all, l.IdleTimeout)
		}
	}
	return all
}

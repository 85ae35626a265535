package ecs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/shellscript"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// ecsTasks are the rules of the containers of a task among themselves.
var ecsTasks = []*rule.Rule{
	{
		ID: "EK-ECS-015", Severity: rule.Error, Autofix: rule.Guided, Surface: "ECS task definition",
		Title:   "the container's health check asks for readiness",
		Why:     "A container that is on its way out answers that it is not ready. ECS then finds it unhealthy and kills it in the middle of its work.",
		Fix:     "Let the container's health check ask whether the process lives; readiness is for the target group.",
		Sources: []string{"Amazon ECS API: HealthCheck", "Amazon ECS developer guide: task health, essential containers"},
		Check:   checkContainerHealth,
	},
	{
		ID: "EK-ECS-016", Severity: rule.Error, Autofix: rule.Guided, Surface: "ECS task definition",
		Title:   "the program does not depend on its proxy",
		Why:     "Containers stop in the reverse order of dependsOn. Without it both get SIGTERM together: the proxy is gone while the program still talks through it.",
		Fix:     "Let the program depend on its proxy with the condition START or HEALTHY.",
		Sources: []string{"Amazon ECS agent: shutdown order of containers", "Amazon ECS API: ContainerDependency"},
		Check:   checkOrder,
	},
	{
		ID: "EK-ECS-017", Severity: rule.Warn, Autofix: rule.Safe, Surface: "ECS task definition",
		Title:    "a sidecar has less time to stop than the program",
		Why:      "Without an order both get SIGTERM together. The sidecar is killed first, and the rest of the program's way out has no proxy or no log.",
		Fix:      "Give the sidecar at least the program's stopTimeout.",
		Sources:  []string{"Amazon ECS API: ContainerDefinition.stopTimeout (default 30 s)"},
		YieldsTo: []string{"EK-ECS-016"},
		Check:    checkSidecarStop,
	},
	{
		ID: "EK-ECS-018", Severity: rule.Error, Autofix: rule.Safe, Surface: "ECS task definition",
		Title: "a shell stands between SIGTERM and the program",
		Why: "sh -c runs the program as its child and does not pass SIGTERM on. The program works on until SIGKILL: nothing drains, nothing is flushed. " +
			"initProcessEnabled alone does not help, it passes the signal to the shell.",
		Fix:     "Start the program with exec as the last command of the script, or without a shell.",
		Sources: []string{"POSIX: sh, signals of foreground processes", "Amazon ECS API: ContainerDefinition.entryPoint, LinuxParameters.initProcessEnabled"},
		Check:   checkTaskShell,
	},
}

var readinessPath = regexp.MustCompile(`(?i)/(?:[\w./-]*/)?(?:ready|readyz|readiness|drain|draining)(?:[?"' ]|$)`)

func checkContainerHealth(p *rule.Pass) {
	for s, t := range servingTasks(p) {
		if t.Main == nil {
			continue
		}
		for _, n := range t.Main.Health.List() {
			if found := readinessPath.FindString(n.Text()); found != "" {
				p.Report(rule.Finding{Node: n, Service: s,
					Message: fmt.Sprintf("the container is killed when %s says that it is not ready", strings.Trim(found, `?"' `))})
				break
			}
		}
	}
}

var (
	proxies = regexp.MustCompile(`(?i)(^|[/_-])(envoy|appmesh|haproxy|traefik|linkerd|cloudflared|cloud-?sql|pgbouncer|dapr|daprd)([:@_-]|$)`)
	agents  = regexp.MustCompile(`(?i)(^|[/_-])(fluent|fluentbit|fluent-bit|fluentd|firelens|otel|collector|datadog|vector|xray|x-ray|cloudwatch-agent)([:@_-]|$)`)
)

// sidecars are the containers beside the main one whose name or image fits.
func sidecars(t *aws.TaskService, kinds ...*regexp.Regexp) (all []*aws.TaskContainer) {
	if t.Main == nil || t.Task == nil || slices.ContainsFunc(kinds, func(k *regexp.Regexp) bool { return k.MatchString(t.Main.Name) }) {
		return nil
	}
	for _, c := range t.Task.Containers {
		fits := func(k *regexp.Regexp) bool { return k.MatchString(c.Name) || k.MatchString(c.Image) }
		if c != t.Main && slices.ContainsFunc(kinds, fits) && !ordered(t.Task, c, t.Main) {
			all = append(all, c)
		}
	}
	return all
}

// ordered reports whether one of two containers depends on the other, directly
// or by others.
func ordered(t *aws.TaskDefinition, a, b *aws.TaskContainer) bool {
	return depends(t, a, b.Name, 0) || depends(t, b, a.Name, 0)
}

func depends(t *aws.TaskDefinition, c *aws.TaskContainer, on string, depth int) bool {
	if slices.Contains(c.DependsOn, on) {
		return true
	}
	for _, other := range t.Containers {
		if depth < len(t.Containers) && depth < 10 && slices.Contains(c.DependsOn, other.Name) && depends(t, other, on, depth+1) {
			return true
		}
	}
	return false
}

func checkOrder(p *rule.Pass) {
	for s, t := range servingTasks(p) {
		for _, c := range sidecars(t, proxies) {
			p.Report(rule.Finding{Node: t.Main.Node, Service: s,
				Message: fmt.Sprintf("%s gets SIGTERM together with its proxy %s, and may need it on the way out", t.Main.Name, c.Name)})
		}
	}
}

func checkSidecarStop(p *rule.Pass) {
	for s, t := range servingTasks(p) {
		for _, c := range sidecars(t, proxies, agents) {
			v := c.StopTimeout
			if !v.Known() || !s.Grace.Known() || v.V >= s.Grace.V {
				continue
			}
			f := rule.Finding{Node: v.At(c.Node), Service: s,
				Message:    fmt.Sprintf("%s is killed before %s has finished", c.Name, t.Main.Name),
				Arithmetic: fmt.Sprintf("%s of %s < %s of %s", v, c.Name, s.Grace, t.Main.Name)}
			if t.Task.Body != nil {
				f.Fix = Set(v, c.Node, rule.WholeSeconds(s.Grace.V))
			}
			p.Report(f)
		}
	}
}

func checkTaskShell(p *rule.Pass) {
	for s, t := range servingTasks(p) {
		if t.Main == nil {
			continue
		}
		script, shell := taskScript(t.Main)
		last, at, ok := shellscript.LastCommand(script.Text())
		if !ok || at >= 0 && shellscript.ReplacesItself(t.Main.Image, shell, last) {
			continue
		}
		f := rule.Finding{Node: script, Service: s,
			Message: fmt.Sprintf("%s is the first process of container %s and does not pass SIGTERM on to %s", shell, t.Main.Name, shellscript.Program(last))}
		if at >= 0 && t.Task.Body != nil {
			f.Fix = rule.Mend("start "+shellscript.Program(last)+" with exec", edit.Set(script, script.Text()[:at]+"exec "+script.Text()[at:]))
		}
		p.Report(f)
	}
}

// taskScript is the script that a shell runs as c's first process, and the
// shell; nil if there is none.
func taskScript(c *aws.TaskContainer) (script *tree.Node, shell string) {
	if len(c.Words) < 3 || !slices.Contains(shellscript.Shells, base(c.Words[0])) {
		return nil, ""
	}
	if flag := c.Words[1]; !strings.HasPrefix(flag, "-") || !strings.HasSuffix(flag, "c") {
		return nil, ""
	}
	var words []*tree.Node
	for _, names := range [][2]string{{"entryPoint", "EntryPoint"}, {"command", "Command"}} {
		words = append(append(words, c.Node.Get(names[0]).List()...), c.Node.Get(names[1]).List()...)
	}
	if len(words) != len(c.Words) {
		return nil, ""
	}
	return words[2], base(c.Words[0])
}

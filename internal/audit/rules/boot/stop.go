package boot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

const (
	springSurface = "Spring Boot configuration"
	shutdownName  = "server.shutdown"
	phaseName     = "spring.lifecycle.timeout-per-shutdown-phase"
)

// springRules are the rules of Spring Boot applications.
var springRules = slices.Concat(stopRules, stateRules, callRules)

// stopRules are the rules of how an application stops.
var stopRules = []*rule.Rule{
	{
		ID: "EK-SPR-001", Severity: rule.Error, Autofix: rule.Safe, Surface: springSurface,
		Title: "the web server stops at once on SIGTERM (server.shutdown)",
		Why: "With immediate shutdown the server closes its connections while requests are still running: users get a reset or an empty answer, " +
			"and what the request had not yet saved is lost. Graceful is the default only since Spring Boot 3.4.",
		Fix:     "Set server.shutdown: graceful, and spring.lifecycle.timeout-per-shutdown-phase to the longest request.",
		Sources: []string{"Configuration metadata of spring-boot-autoconfigure: server.shutdown immediate in 3.3.13, graceful in 3.4.1"},
		Check:   func(p *rule.Pass) { Each(p, checkShutdown) },
	},
	{
		ID: "EK-SPR-002", Severity: rule.Error, Autofix: rule.Safe, Surface: springSurface + " and the platform's grace",
		Title: "timeout-per-shutdown-phase is longer than the platform waits",
		Why: "Spring goes on waiting for requests when the platform already kills the process: the requests are cut, and no later step of the " +
			"shutdown runs, so that nothing is flushed and nothing is deregistered.",
		Fix: "Lower spring.lifecycle.timeout-per-shutdown-phase below what is left after preStop, or raise the grace period.",
		Sources: []string{"Configuration metadata of spring-boot-autoconfigure 3.5.7: spring.lifecycle.timeout-per-shutdown-phase 30s",
			"Kubernetes 1.36 kubelet: the preStop hook is charged to the grace period"},
		YieldsTo: []string{"EK-K8S-001", "EK-K8S-002", "EK-ECS-001"},
		Check:    func(p *rule.Pass) { Each(p, checkPhaseFits) },
	},
	{
		ID: "EK-SPR-003", Severity: rule.Error, Autofix: rule.Safe, Surface: springSurface,
		Title:   "timeout-per-shutdown-phase is shorter than the longest request",
		Why:     "Spring itself gives up waiting and closes the connections of requests that still run, although the platform would have waited.",
		Fix:     "Set spring.lifecycle.timeout-per-shutdown-phase to the longest request and what must be flushed after it.",
		Sources: []string{"Configuration metadata of spring-boot-autoconfigure 3.5.7: spring.lifecycle.timeout-per-shutdown-phase 30s"},
		Check:   func(p *rule.Pass) { Each(p, checkPhaseLasts) },
	},
	{
		ID: "EK-SPR-011", Severity: rule.Error, Autofix: rule.Safe, Surface: springSurface,
		Title: "spring.main.register-shutdown-hook is false",
		Why: "SIGTERM ends the process without closing the application context: requests are cut, nothing is flushed, and the instance is not taken " +
			"out of its registry.",
		Fix:     "Remove the property, or set it to true: that is the default.",
		Sources: []string{"Spring Boot: SpringApplication, registerShutdownHook true"},
		Check:   func(p *rule.Pass) { Each(p, checkHook) },
	},
	{
		ID: "EK-SPR-012", Severity: rule.Warn, Autofix: rule.Safe, Surface: springSurface,
		Title: "tasks of the application's executor are dropped when it stops",
		Why: "Work that was handed to @Async methods or the scheduler is thrown away on SIGTERM, although the request that started it was answered: " +
			"a mail is not sent, an order is not saved.",
		Fix:     "Set shutdown.await-termination: true and shutdown.await-termination-period to what the tasks need.",
		Sources: []string{"Configuration metadata of spring-boot-autoconfigure 3.5.7: shutdown.await-termination false, await-termination-period none"},
		Check: func(p *rule.Pass) {
			for _, kind := range []string{"execution", "scheduling"} {
				Each(p, func(s *model.Service, c *spring.Settings) *rule.Finding { return checkTasks(s, c, "spring.task."+kind) })
			}
		},
	},
}

// Check looks at one effective configuration of the application that a
// service runs; nil: nothing is wrong.
type Check func(s *model.Service, c *spring.Settings) *rule.Finding

// Each reports what is wrong once for each place. What is wrong because
// nothing is written counts only if no profile writes it.
func Each(p *rule.Pass, check Check) {
	seen := map[*tree.Node]bool{}
	for _, s := range p.Services {
		if s.App == nil {
			continue
		}
		missing := 0
		for _, c := range s.App.Configs {
			f := check(s, c)
			if f == nil {
				continue
			}
			if f.Node == nil {
				f.Node = c.Node
				if missing++; missing < len(s.App.Configs) {
					continue
				}
			}
			if f.Service = s; !seen[f.Node] {
				seen[f.Node] = true
				p.Report(*f)
			}
		}
	}
}

// boot34 is the first Spring Boot that stops gracefully by itself, boot23 the
// first that can.
var boot23, boot34 = policy.Version{Major: 2, Minor: 3}, policy.Version{Major: 3, Minor: 4}

// shutdown is server.shutdown; its default depends on the version.
func shutdown(s *model.Service, c *spring.Settings) value.Value[string] {
	def := value.Value[string]{State: value.Unknown}
	switch {
	case s.App.Boot.Before(boot34):
		def = value.Of("", "immediate")
	case s.App.Boot != (policy.Version{}):
		def = value.Of("", "graceful")
	}
	return c.Text(shutdownName, def)
}

// serves reports whether the application may have a web server: it has settings
// of one, or a library, or its libraries are not known.
func serves(s *model.Service, c *spring.Settings) bool {
	kind := c.Text("spring.main.web-application-type", value.Value[string]{})
	return !strings.EqualFold(kind.V, "none") && (!s.App.Libraries.Known() || len(c.Below("server")) > 0 ||
		s.App.Libraries.Has("starter-web", "starter-jersey", "starter-undertow", "starter-jetty", "starter-tomcat", "gateway", "starter-graphql", "eureka-server", "config-server", "vaadin", "hilla"))
}

func checkShutdown(s *model.Service, c *spring.Settings) *rule.Finding {
	v := shutdown(s, c)
	if !v.Known() || !strings.EqualFold(v.V, "immediate") || !serves(s, c) {
		return nil
	}
	f := &rule.Finding{Node: v.Node, Message: "server.shutdown is immediate: requests that run at SIGTERM are cut"}
	if v.Written() {
		f.Fix = set("server.shutdown", v, "graceful")
		return f
	}
	f.Message = fmt.Sprintf("server.shutdown is not set, and Spring Boot %s stops at once: requests that run at SIGTERM are cut", s.App.Boot)
	if s.App.Boot.Before(boot23) {
		f.Message = fmt.Sprintf("Spring Boot %s cannot stop gracefully (2.3 and later can): requests that run at SIGTERM are cut", s.App.Boot)
		return f
	}
	f.Fix = add(c, shutdownName, "graceful")
	return f
}

// phase is the timeout of a shutdown phase; unknown if the server does not wait
// for requests at all.
func phase(s *model.Service, c *spring.Settings) value.Value[time.Duration] {
	if !serves(s, c) || strings.EqualFold(shutdown(s, c).V, "immediate") {
		return value.Value[time.Duration]{State: value.Unknown}
	}
	return c.Duration(phaseName, time.Millisecond, value.Of("", 30*time.Second))
}

func checkPhaseFits(s *model.Service, c *spring.Settings) *rule.Finding {
	v := phase(s, c)
	if !v.Known() || !s.Grace.Known() || s.PreStop.State == value.Unknown {
		return nil
	}
	left := s.Grace.V - s.PreStop.V
	if v.V < left || left <= 0 || v.V == left && !v.Written() && !s.Grace.Written() {
		return nil
	}
	sum := fmt.Sprintf("%s >= %s", v, s.Grace)
	if s.PreStop.V > 0 {
		sum = fmt.Sprintf("%s >= %s - preStop %s = %s", v, s.Grace, value.Seconds(s.PreStop.V), value.Seconds(left))
	}
	f := &rule.Finding{Node: v.Node, Arithmetic: sum,
		Message: fmt.Sprintf("Spring waits up to %s for requests, but is killed %s after SIGTERM", value.Seconds(v.V), value.Seconds(left))}
	if v.Written() {
		f.Subject = s.String() + " " + phaseName // not what the grace period's rule is about
	}
	if v.V == left {
		f.Severity = rule.Warn
	}
	if fits := (left - policy.Margin(left)).Truncate(time.Second); fits >= s.Needs.Drain() {
		f.Fix = put(c, v, fits)
	}
	return f
}

func checkPhaseLasts(s *model.Service, c *spring.Settings) *rule.Finding {
	v := phase(s, c)
	if r := s.Needs.Requests; !v.Known() || !r.Stated || v.V >= r.D {
		return nil
	}
	return &rule.Finding{Node: v.Node,
		Message:    fmt.Sprintf("Spring cuts requests after %s, but they may take %s", value.Seconds(v.V), value.Seconds(s.Needs.Requests.D)),
		Arithmetic: fmt.Sprintf("%s < requests %s", v, s.Needs.Requests),
		Fix:        put(c, v, rule.UpToSecond(s.Needs.Drain()))}
}

func checkHook(_ *model.Service, c *spring.Settings) *rule.Finding {
	v := c.Bool("spring.main.register-shutdown-hook", true)
	if !v.Written() || v.V {
		return nil
	}
	f := &rule.Finding{Node: v.Node, Message: "register-shutdown-hook is false: SIGTERM does not close the application"}
	f.Fix = set(v.Name, v, "true")
	return f
}

// checkTasks looks at an executor that the configuration sets up; that it is
// used otherwise no file says.
func checkTasks(s *model.Service, c *spring.Settings, prefix string) *rule.Finding {
	awaitName, periodName := prefix+".shutdown.await-termination", prefix+".shutdown.await-termination-period"
	await, period := c.Bool(awaitName, false), c.Duration(periodName, time.Millisecond, value.Of("", time.Duration(0)))
	pool := spring.First(c.Below(prefix))
	if pool == nil || !await.Known() || !period.Known() || await.V && period.V > 0 {
		return nil
	}
	wait := edit.Entry{Key: "await-termination-period", Value: rule.WholeSeconds(s.Needs.Drain()) + "s"}
	f := &rule.Finding{Node: await.At(pool), Message: fmt.Sprintf("%s is false: tasks that wait or run at SIGTERM are dropped", awaitName)}
	switch {
	case await.V:
		f.Message = fmt.Sprintf("%s is true without a period: the application does not wait for its tasks", awaitName)
		if !period.Written() {
			f.Fix = addAll(c, prefix+".shutdown", wait)
		}
	case !await.Written() && !period.Written():
		f.Message = fmt.Sprintf("%s is not set: tasks that wait or run at SIGTERM are dropped", awaitName)
		f.Fix = addAll(c, prefix+".shutdown", edit.Entry{Key: "await-termination", Value: "true"}, wait)
	case await.Written() && period.V > 0:
		f.Fix = set(awaitName, await, "true")
	}
	return f
}

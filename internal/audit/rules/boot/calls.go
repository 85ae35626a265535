package boot

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/route"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// callRules are the rules of connections to an application and from it.
var callRules = []*rule.Rule{
	{
		ID: "EK-SPR-013", Severity: rule.Warn, Autofix: rule.Safe, Surface: springSurface + " and the pod's probes",
		Title: "readiness is asked on the management port only",
		Why: "The management server has a port and threads of its own: it answers that all is well while the port that users reach is stuck or already " +
			"closed, and the pod gets requests that fail.",
		Fix:     "Set management.endpoint.health.probes.add-additional-paths: true, and let the probe ask /readyz on the main port.",
		Sources: []string{"Spring Boot reference, Kubernetes probes: additional paths on the main server port"},
		Check:   func(p *rule.Pass) { Each(p, checkProbePort) },
	},
	{
		ID: "EK-SPR-014", Severity: rule.Error, Autofix: rule.Safe, Surface: springSurface + " and the ALB",
		Title:   "the server closes idle connections before the balancer does",
		Why:     "The balancer sends a request on a connection that the server is closing at that moment: users get 502, now and then and for no reason that a log shows.",
		Fix:     "Set the server's keep-alive timeout to the balancer's idle timeout + 15 s.",
		Sources: []string{"Application Load Balancer: idle_timeout.timeout_seconds 60"},
		Check:   func(p *rule.Pass) { Each(p, ServerIdle(ingressIdles)) },
	},
	{
		ID: "EK-SPR-015", Severity: rule.Error, Autofix: rule.Safe, Surface: "Spring Cloud Gateway",
		Title: "the gateway keeps idle connections for ever",
		Why: "The pool hands out connections that the other side closed long ago, above all after instances were replaced: requests fail with " +
			"PrematureCloseException or connection reset.",
		Fix:     "Set httpclient.pool.max-idle-time below the keep-alive timeout of the services behind.",
		Sources: []string{"Configuration metadata of spring-cloud-gateway-server 4.3.0: httpclient.pool.type elastic, max-idle-time none"},
		Check:   func(p *rule.Pass) { Each(p, checkPool) },
	},
	{
		ID: "EK-SPR-016", Severity: rule.Warn, Autofix: rule.Guided, Surface: "Spring Cloud Gateway",
		Title: "no route of the gateway tries another instance",
		Why: "For as long as the registry and the caches still name an instance that is gone, every request that is sent to it fails in front of the " +
			"user, although other instances could have answered.",
		Fix:     "Add a Retry filter: on connection errors for all methods, on 5xx for idempotent ones only.",
		Sources: []string{"Spring Cloud Gateway: the Retry filter is off unless it is configured"},
		Check:   func(p *rule.Pass) { Each(p, checkRetry) },
	},
	{
		ID: "EK-SPR-017", Severity: rule.Error, Autofix: rule.Safe, Surface: "Spring Cloud LoadBalancer",
		Title:   "sticky sessions are configured, but their cookie is never set",
		Why:     "The load balancer looks for a cookie that nothing gives to the client, so that every request may go to another instance, and sessions in memory are lost.",
		Fix:     "Set spring.cloud.loadbalancer.sticky-session.add-service-instance-cookie: true.",
		Sources: []string{"Configuration metadata of spring-cloud-commons 4.3.0: sticky-session.add-service-instance-cookie false"},
		Check:   func(p *rule.Pass) { Each(p, checkSticky) },
	},
}

func checkProbePort(s *model.Service, c *spring.Settings) *rule.Finding {
	port := c.Int("management.server.port", value.Value[int]{})
	main := c.Int("server.port", value.Of("", 8080))
	more := c.Bool("management.endpoint.health.probes.add-additional-paths", false)
	if !port.Written() || !main.Known() || port.V == main.V || port.V <= 0 || !more.Known() || more.V || s.Workload == nil {
		return nil
	}
	for _, container := range s.Workload.Containers {
		get := container.Node.Get("readinessProbe", "httpGet")
		if !strings.HasPrefix(get.Get("path").Text(), "/actuator") || probePort(container, get.Get("port").Text()) != port.V {
			continue
		}
		return &rule.Finding{Node: port.Node,
			Message: fmt.Sprintf("the readiness probe of %s asks port %d, users reach port %d", s, port.V, main.V),
			Fix:     add(c, more.Name, "true")}
	}
	return nil
}

// probePort is the number of a probe's port, which may be a name.
func probePort(c *kube.Container, port string) int {
	for _, p := range c.Ports {
		if p.Name == port || fmt.Sprint(p.Number) == port {
			return p.Number
		}
	}
	n := 0
	_, _ = fmt.Sscanf(port, "%d", &n) // a name that no port has stays 0
	return n
}

// keepAlives are the settings of each server, with the unit of a bare number.
var keepAlives = []string{"server.tomcat.keep-alive-timeout", "server.jetty.connection-idle-timeout", "server.netty.idle-timeout", "server.undertow.no-request-timeout"}

// ServerIdle compares Spring's keep-alive with the idle timeouts of what stands
// in front: that of an Ingress is EK-SPR-014's, an ALB's EK-ALB-005's.
func ServerIdle(idles func(*model.Service) []value.Value[time.Duration]) func(*model.Service, *spring.Settings) *rule.Finding {
	return func(s *model.Service, c *spring.Settings) *rule.Finding {
		for _, idle := range idles(s) {
			for _, name := range keepAlives {
				v := c.Duration(name, time.Millisecond, value.Value[time.Duration]{})
				if !v.Written() || !idle.Known() || v.V > idle.V || v.V <= 0 {
					continue
				}
				return &rule.Finding{Node: v.Node, Arithmetic: fmt.Sprintf("%s <= %s", v, idle),
					Message: fmt.Sprintf("the server closes idle connections after %s, the balancer uses them for %s", value.Seconds(v.V), value.Seconds(idle.V)),
					Fix:     put(c, v, idle.V+15*time.Second)}
			}
		}
		return nil
	}
}

// ingressIdles are the idle timeouts of the ALBs that Ingresses ask for.
func ingressIdles(s *model.Service) (all []value.Value[time.Duration]) {
	if s.Workload == nil {
		return nil
	}
	for _, i := range s.Workload.Ingresses {
		if i.Router == route.AWSController {
			all = append(all, i.BalancerIdle())
		}
	}
	return all
}

const stickyCookie = "spring.cloud.loadbalancer.sticky-session.add-service-instance-cookie"

func checkSticky(_ *model.Service, c *spring.Settings) *rule.Finding {
	below := c.Below("spring.cloud.loadbalancer")
	for _, name := range slices.Sorted(maps.Keys(below)) {
		n := below[name]
		if name != "configurations" && !strings.HasSuffix(name, ".configurations") || n.Text() != "request-based-sticky-session" {
			continue
		}
		one := strings.TrimSuffix(strings.TrimSuffix(name, "configurations"), ".")
		cookie := c.Bool(stickyCookie, false)
		if one != "" {
			if own := c.Bool("spring.cloud.loadbalancer."+one+strings.TrimPrefix(stickyCookie, "spring.cloud.loadbalancer"), false); own.State != value.Default {
				cookie = own
			}
		}
		if !cookie.Known() || cookie.V {
			continue
		}
		f := &rule.Finding{Node: cookie.At(n), Message: "request-based-sticky-session without add-service-instance-cookie: no client ever gets the cookie"}
		if cookie.Written() {
			f.Fix = set(cookie.Name, cookie, "true")
		} else {
			f.Fix = add(c, stickyCookie, "true")
		}
		return f
	}
	return nil
}

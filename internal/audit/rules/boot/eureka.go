package boot

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

const (
	eurekaSurface  = "Eureka settings"
	renewalName    = "eureka.instance.lease-renewal-interval-in-seconds"
	expirationName = "eureka.instance.lease-expiration-duration-in-seconds"
)

// eurekaRules are the rules of services that find one another through Eureka.
var eurekaRules = []*rule.Rule{
	{
		ID: "EK-EUR-001", Severity: rule.Error, Autofix: rule.Safe, Surface: eurekaSurface + " and how the instance leaves",
		Title: "the instance stops before its callers know",
		Why: "At SIGTERM the instance is taken out of Eureka and stops listening in the same moment. The server's response cache, the callers' copies " +
			"and the load balancer's cache still name it: until the last of them is renewed, calls fail.",
		Fix: "Set the status to OUT_OF_SERVICE first, wait for the window, then SIGTERM; or cut the intervals to 5 + 5 + 5 s.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka 4.3.0: response-cache-update-interval-ms 30000, registry-fetch-interval-seconds 30",
			"spring-cloud-loadbalancer 4.3.0: LoadBalancerCacheProperties, ttl 35 s", "Spring Cloud Netflix: EurekaAutoServiceRegistration on ContextClosedEvent"},
		Check: checkEurekaWindow,
	},
	{
		ID: "EK-EUR-003", Severity: rule.Warn, Autofix: rule.Guided, Surface: eurekaSurface + " and the autoscaler",
		Title: "an autoscaled service keeps Eureka's long lease",
		Why: "An instance that is killed or lost stays in the registry for two leases and an eviction run, because a renewal adds the duration twice; " +
			"calls go to it for all that time.",
		Fix:     "Set lease-renewal-interval-in-seconds: 5 and lease-expiration-duration-in-seconds: 15, and the server's eviction-interval-timer-in-ms: 5000.",
		Sources: []string{"Netflix Eureka: Lease.renew and its comment; LeaseInfo 30 s and 90 s; evictionIntervalTimerInMs 60 s"},
		Check:   func(p *rule.Pass) { Each(p, checkLease) },
	},
	{
		ID: "EK-EUR-004", Severity: rule.Error, Autofix: rule.Safe, Surface: eurekaSurface,
		Title:   "the instance does not deregister when it stops",
		Why:     "Callers go on choosing an instance that has left until its lease ends, minutes later.",
		Fix:     "Set eureka.client.should-unregister-on-shutdown: true, the default.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-client 4.3.0: should-unregister-on-shutdown true"},
		Check:   func(p *rule.Pass) { Each(p, checkUnregister) },
	},
	{
		ID: "EK-EUR-005", Severity: rule.Error, Autofix: rule.Safe, Surface: eurekaSurface,
		Title:   "one lost heartbeat ends the lease",
		Why:     "A short pause of the network or the collector takes a healthy instance out of the registry, and its users with it.",
		Fix:     "Set lease-expiration-duration-in-seconds to three times lease-renewal-interval-in-seconds.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-client 4.3.0: lease-renewal-interval-in-seconds 30, lease-expiration-duration-in-seconds 90"},
		Check:   func(p *rule.Pass) { Each(p, checkHeartbeats) },
	},
	{
		ID: "EK-EUR-006", Severity: rule.Info, Autofix: rule.Safe, Surface: "Eureka server settings",
		Title:   "the server's read-only cache adds up to 30 s to every change",
		Why:     "An instance that has left is still named to everybody who asks, for as long as the cache is not renewed.",
		Fix:     "Set eureka.server.response-cache-update-interval-ms: 3000, or use-read-only-response-cache: false.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-server 4.3.0: use-read-only-response-cache true, response-cache-update-interval-ms 30000"},
		Check:   func(p *rule.Pass) { Each(p, checkResponseCache) },
	},
	{
		ID: "EK-EUR-007", Severity: rule.Warn, Autofix: rule.Safe, Surface: eurekaSurface,
		Title:   "instances that are not UP are called too",
		Why:     "An instance that says DOWN or OUT_OF_SERVICE before it leaves is called all the same: it cannot be drained by its status.",
		Fix:     "Set eureka.client.filter-only-up-instances: true, the default.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-client 4.3.0: filter-only-up-instances true"},
		Check:   func(p *rule.Pass) { Each(p, checkOnlyUp) },
	},
}

// registers reports whether the application is one that others find in Eureka:
// it has settings of a client, is not a server, and does not leave it.
func registers(s *model.Service, c *spring.Settings) bool {
	if !isClient(c) || isServer(s, c) {
		return false
	}
	for _, name := range []string{"eureka.client.enabled", "eureka.client.register-with-eureka", "spring.cloud.service-registry.auto-registration.enabled"} {
		if v := c.Bool(name, true); !v.Known() && v.Node != nil || v.Known() && !v.V {
			return false
		}
	}
	return true
}

func isServer(s *model.Service, c *spring.Settings) bool {
	return len(c.Below("eureka.server")) > 0 || s.App.Libraries.Has("netflix-eureka-server")
}

func leases(c *spring.Settings) (renewal, expiration value.Value[time.Duration]) {
	return c.Duration(renewalName, time.Second, value.Of("", 30*time.Second)), c.Duration(expirationName, time.Second, value.Of("", 90*time.Second))
}

func checkLease(s *model.Service, c *spring.Settings) *rule.Finding {
	_, expiration := leases(c)
	if s.Workload == nil || s.Workload.Scaler == nil || !registers(s, c) || !expiration.Known() || expiration.V < 90*time.Second {
		return nil
	}
	return &rule.Finding{Node: expiration.Node,
		Message:    fmt.Sprintf("%s is scaled, and an instance that is killed stays in the registry for %s", s, value.Seconds(2*expiration.V+time.Minute)),
		Arithmetic: fmt.Sprintf("2 x %s + eviction run 60 s = %s, and the callers' caches after it", expiration, value.Seconds(2*expiration.V+time.Minute))}
}

func checkHeartbeats(_ *model.Service, c *spring.Settings) *rule.Finding {
	renewal, expiration := leases(c)
	if !renewal.Known() || !expiration.Known() || expiration.V >= 2*renewal.V || renewal.V <= 0 {
		return nil
	}
	f := &rule.Finding{Node: expiration.At(renewal.Node), Message: "the lease ends before a second heartbeat is due",
		Arithmetic: fmt.Sprintf("%s < 2 x %s", expiration, renewal)}
	if value := fmt.Sprint(int(3 * renewal.V / time.Second)); expiration.Written() {
		f.Fix = set(expirationName, expiration, value)
	} else {
		f.Fix = add(c, expirationName, value)
	}
	return f
}

// off is the finding that a property whose default is right is false.
func off(c *spring.Settings, name, message string) *rule.Finding {
	v := c.Bool(name, true)
	if !v.Written() || v.V {
		return nil
	}
	return &rule.Finding{Node: v.Node, Message: message, Fix: set(name, v, "true")}
}

func checkUnregister(_ *model.Service, c *spring.Settings) *rule.Finding {
	return off(c, "eureka.client.should-unregister-on-shutdown", "should-unregister-on-shutdown is false: the instance stays in the registry until its lease ends")
}

func checkOnlyUp(_ *model.Service, c *spring.Settings) *rule.Finding {
	return off(c, "eureka.client.filter-only-up-instances", "filter-only-up-instances is false: instances that are DOWN or OUT_OF_SERVICE are called")
}

func checkResponseCache(s *model.Service, c *spring.Settings) *rule.Finding {
	const name = "eureka.server.response-cache-update-interval-ms"
	readOnly := c.Bool("eureka.server.use-read-only-response-cache", true)
	interval := c.Duration(name, time.Millisecond, value.Of("", 30*time.Second))
	if !isServer(s, c) || !readOnly.Known() || !readOnly.V || !interval.Known() || interval.V < 30*time.Second {
		return nil
	}
	f := &rule.Finding{Node: interval.At(readOnly.Node), Message: fmt.Sprintf("a change of the registry reaches callers up to %s late", value.Seconds(interval.V))}
	if interval.Written() {
		f.Fix = set(name, interval, "3000")
	} else {
		f.Fix = addAll(c, "eureka.server", edit.Entry{Key: "response-cache-update-interval-ms", Value: "3000"})
	}
	return f
}

package rules

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
)

const (
	eurekaSurface  = "Eureka settings"
	renewalName    = "eureka.instance.lease-renewal-interval-in-seconds"
	expirationName = "eureka.instance.lease-expiration-duration-in-seconds"
)

// eureka are the rules of services that find one another through Eureka.
var eureka = []*Rule{
	{
		ID: "EK-EUR-001", Severity: Error, Autofix: Safe, Surface: eurekaSurface + " and how the instance leaves",
		Title: "the instance stops before its callers know",
		Why: "At SIGTERM the instance is taken out of Eureka and stops listening in the same moment. The server's response cache, the callers' copies " +
			"and the load balancer's cache still name it: until the last of them is renewed, calls fail.",
		Fix: "Set the status to OUT_OF_SERVICE first, wait for the window, then SIGTERM; or cut the intervals to 5 + 5 + 5 s.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka 4.3.0: response-cache-update-interval-ms 30000, registry-fetch-interval-seconds 30",
			"spring-cloud-loadbalancer 4.3.0: LoadBalancerCacheProperties, ttl 35 s", "Spring Cloud Netflix: EurekaAutoServiceRegistration on ContextClosedEvent"},
		Check: checkEurekaWindow,
	},
	{
		ID: "EK-EUR-003", Severity: Warn, Autofix: Guided, Surface: eurekaSurface + " and the autoscaler",
		Title: "an autoscaled service keeps Eureka's long lease",
		Why: "An instance that is killed or lost stays in the registry for two leases and an eviction run, because a renewal adds the duration twice; " +
			"calls go to it for all that time.",
		Fix:     "Set lease-renewal-interval-in-seconds: 5 and lease-expiration-duration-in-seconds: 15, and the server's eviction-interval-timer-in-ms: 5000.",
		Sources: []string{"Netflix Eureka: Lease.renew and its comment; LeaseInfo 30 s and 90 s; evictionIntervalTimerInMs 60 s"},
		Check:   func(p *Pass) { eachSpring(p, checkLease) },
	},
	{
		ID: "EK-EUR-004", Severity: Error, Autofix: Safe, Surface: eurekaSurface,
		Title:   "the instance does not deregister when it stops",
		Why:     "Callers go on choosing an instance that has left until its lease ends, minutes later.",
		Fix:     "Set eureka.client.should-unregister-on-shutdown: true, the default.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-client 4.3.0: should-unregister-on-shutdown true"},
		Check:   func(p *Pass) { eachSpring(p, checkUnregister) },
	},
	{
		ID: "EK-EUR-005", Severity: Error, Autofix: Safe, Surface: eurekaSurface,
		Title:   "one lost heartbeat ends the lease",
		Why:     "A short pause of the network or the collector takes a healthy instance out of the registry, and its users with it.",
		Fix:     "Set lease-expiration-duration-in-seconds to three times lease-renewal-interval-in-seconds.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-client 4.3.0: lease-renewal-interval-in-seconds 30, lease-expiration-duration-in-seconds 90"},
		Check:   func(p *Pass) { eachSpring(p, checkHeartbeats) },
	},
	{
		ID: "EK-EUR-006", Severity: Info, Autofix: Safe, Surface: "Eureka server settings",
		Title:   "the server's read-only cache adds up to 30 s to every change",
		Why:     "An instance that has left is still named to everybody who asks, for as long as the cache is not renewed.",
		Fix:     "Set eureka.server.response-cache-update-interval-ms: 3000, or use-read-only-response-cache: false.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-server 4.3.0: use-read-only-response-cache true, response-cache-update-interval-ms 30000"},
		Check:   func(p *Pass) { eachSpring(p, checkResponseCache) },
	},
	{
		ID: "EK-EUR-007", Severity: Warn, Autofix: Safe, Surface: eurekaSurface,
		Title:   "instances that are not UP are called too",
		Why:     "An instance that says DOWN or OUT_OF_SERVICE before it leaves is called all the same: it cannot be drained by its status.",
		Fix:     "Set eureka.client.filter-only-up-instances: true, the default.",
		Sources: []string{"Configuration metadata of spring-cloud-netflix-eureka-client 4.3.0: filter-only-up-instances true"},
		Check:   func(p *Pass) { eachSpring(p, checkOnlyUp) },
	},
}

// registers reports whether the application is one that others find in Eureka:
// it has settings of a client, is not a server, and does not leave it.
func registers(s *model.Service, c *model.Settings) bool {
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

func isServer(s *model.Service, c *model.Settings) bool {
	return len(c.Below("eureka.server")) > 0 || s.App.Libraries.Has("netflix-eureka-server")
}

func leases(c *model.Settings) (renewal, expiration model.Value[time.Duration]) {
	return c.Duration(renewalName, time.Second, model.Of("", 30*time.Second)), c.Duration(expirationName, time.Second, model.Of("", 90*time.Second))
}

func checkLease(s *model.Service, c *model.Settings) *Finding {
	_, expiration := leases(c)
	if s.Workload == nil || s.Workload.Scaler == nil || !registers(s, c) || !expiration.Known() || expiration.V < 90*time.Second {
		return nil
	}
	return &Finding{Node: expiration.Node,
		Message:    fmt.Sprintf("%s is scaled, and an instance that is killed stays in the registry for %s", s, model.Seconds(2*expiration.V+time.Minute)),
		Arithmetic: fmt.Sprintf("2 x %s + eviction run 60 s = %s, and the callers' caches after it", expiration, model.Seconds(2*expiration.V+time.Minute))}
}

func checkHeartbeats(_ *model.Service, c *model.Settings) *Finding {
	renewal, expiration := leases(c)
	if !renewal.Known() || !expiration.Known() || expiration.V >= 2*renewal.V || renewal.V <= 0 {
		return nil
	}
	f := &Finding{Node: expiration.At(renewal.Node), Message: "the lease ends before a second heartbeat is due",
		Arithmetic: fmt.Sprintf("%s < 2 x %s", expiration, renewal)}
	if value := fmt.Sprint(int(3 * renewal.V / time.Second)); expiration.Written() {
		f.Fix = springSet(expirationName, expiration, value)
	} else {
		f.Fix = springAdd(c, expirationName, value)
	}
	return f
}

// off is the finding that a property whose default is right is false.
func off(c *model.Settings, name, message string) *Finding {
	v := c.Bool(name, true)
	if !v.Written() || v.V {
		return nil
	}
	return &Finding{Node: v.Node, Message: message, Fix: springSet(name, v, "true")}
}

func checkUnregister(_ *model.Service, c *model.Settings) *Finding {
	return off(c, "eureka.client.should-unregister-on-shutdown", "should-unregister-on-shutdown is false: the instance stays in the registry until its lease ends")
}

func checkOnlyUp(_ *model.Service, c *model.Settings) *Finding {
	return off(c, "eureka.client.filter-only-up-instances", "filter-only-up-instances is false: instances that are DOWN or OUT_OF_SERVICE are called")
}

func checkResponseCache(s *model.Service, c *model.Settings) *Finding {
	const name = "eureka.server.response-cache-update-interval-ms"
	readOnly := c.Bool("eureka.server.use-read-only-response-cache", true)
	interval := c.Duration(name, time.Millisecond, model.Of("", 30*time.Second))
	if !isServer(s, c) || !readOnly.Known() || !readOnly.V || !interval.Known() || interval.V < 30*time.Second {
		return nil
	}
	f := &Finding{Node: interval.At(readOnly.Node), Message: fmt.Sprintf("a change of the registry reaches callers up to %s late", model.Seconds(interval.V))}
	if interval.Written() {
		f.Fix = springSet(name, interval, "3000")
	} else {
		f.Fix = springAddAll(c, "eureka.server", edit.Entry{Key: "response-cache-update-interval-ms", Value: "3000"})
	}
	return f
}

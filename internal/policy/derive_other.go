package policy

import (
	"fmt"
	"slices"
	"time"
)

// SpringNumbers are those of a Spring Boot application and, behind Eureka, of
// the registry's clients and server.
type SpringNumbers struct {
	Phase       Number
	KeepAlive   Number
	PoolIdle    Number
	Renewal     Number // from here on with Eureka only
	Expiration  Number
	Fetch       Number
	ServerCache Number
	CallerCache Number
	Eviction    Number // milliseconds
}

// Intervals with which Eureka forgets an instance within 13 s instead of 95 s.
const (
	eurekaFetch  = 5 * time.Second
	eurekaServer = 3 * time.Second
	eurekaCaller = 5 * time.Second
)

// Spring works out what follows there. The phase timeout is one phase's; with
// the usual one phase that has work to finish it is what leaving takes. The
// error is a *LimitError.
func (d *Derived) Spring() (SpringNumbers, error) {
	proxy, err := d.Proxy()
	if err != nil {
		return SpringNumbers{}, err
	}
	s := SpringNumbers{
		Phase:     sum("spring.lifecycle.timeout-per-shutdown-phase", d.leaving()...).number(),
		KeepAlive: proxy.TargetKeepAlive,
	}
	if s.PoolIdle = proxy.PoolIdle; s.PoolIdle.Name != "" {
		s.PoolIdle.Name = "pool.max-idle-time"
	}
	if !d.Behind(Eureka) {
		return s, nil
	}
	caches := sum("Eureka's caches", term{"server " + seconds(eurekaServer), eurekaServer},
		term{"registry fetch " + seconds(eurekaFetch), eurekaFetch}, term{"load balancer " + seconds(eurekaCaller), eurekaCaller})
	if err := caches.within(d.withdraw, "withdraw", "callers would go on sending"); err != nil {
		return s, err
	}
	within := caches.text() + " <= withdraw " + seconds(d.withdraw)
	s.Renewal = Number{Name: "lease-renewal-interval-in-seconds", Value: 5, How: "half of the lease"}
	s.Expiration = Number{Name: "lease-expiration-duration-in-seconds", Value: 10, How: "an instance that was killed is gone after two leases, 20 s, instead of 180 s"}
	s.Fetch = Number{Name: "registry-fetch-interval-seconds", Value: whole(eurekaFetch), How: within}
	s.ServerCache = Number{Name: "response-cache-update-interval-ms", Value: int(eurekaServer.Milliseconds()), How: within}
	s.CallerCache = Number{Name: "loadbalancer.cache.ttl", Value: whole(eurekaCaller), How: within}
	s.Eviction = Number{Name: "eviction-interval-timer-in-ms", Value: 5000, How: "the server looks for ended leases as often as they are renewed"}
	return s, nil
}

// Behind reports whether r sends to the service.
func (d *Derived) Behind(r Router) bool { return slices.Contains(d.Service.Routers, r) }

// ProxyNumbers are those of nginx, HAProxy and ingress-nginx.
type ProxyNumbers struct {
	Read            Number // without a byte of the answer
	Client          Number // keep-alive towards clients or the balancer in front
	TargetKeepAlive Number // of the program
	PoolIdle        Number // of connections to it that are idle: shorter; not used if it keeps none
	Stop            Number // the proxy's own way out
	Affinity        Number // of a cookie; only if the policy asks for affinity
}

// poolBefore is how much sooner than the program a proxy gives up an idle
// connection.
const poolBefore = 5

// Proxy works out what follows for a proxy in front. The error is a
// *LimitError, or says that a proxy could not notice in time.
func (d *Derived) Proxy() (ProxyNumbers, error) {
	alb, err := d.ALB()
	if err != nil {
		return ProxyNumbers{}, err
	}
	p := ProxyNumbers{TargetKeepAlive: alb.KeepAlive}
	p.Read = sum("read timeout", term{"requests " + seconds(d.requests), d.requests}).margin().atLeast(usualIdle, ", what proxies take")
	p.Client = sum("client keep-alive", secondsTerm(alb.IdleTimeout, "idle timeout of a balancer in front"), term{"15 s", 15 * time.Second}).number()
	if keep := alb.KeepAlive.Value; keep > 0 {
		p.PoolIdle = Number{Name: "idle connections to the program", Value: keep - poolBefore,
			How: fmt.Sprintf("keep-alive of the program %d s - %d s = %d s", keep, poolBefore, keep-poolBefore)}
	}
	p.Stop = sum("stop of the proxy", d.busy()).number()
	if d.Sticky() {
		life := d.Service.Session.Lifetime()
		p.Affinity = Number{Name: "affinity cookie", Value: whole(life), How: "as long as a session may live, " + seconds(life)}
	}
	return p, nil
}

// Checks is how often a proxy has to ask, in milliseconds, so that it sees a
// withdrawal within its window.
func (d *Derived) Checks() (Number, error) {
	h := d.Service.Health
	n := Number{Name: "check interval", Value: int(h.Interval.Milliseconds()), How: "health.interval " + seconds(h.Interval)}
	most := d.withdraw / time.Duration(h.Unhealthy)
	if most >= h.Interval {
		return n, nil
	}
	if most < 100*time.Millisecond {
		return n, fmt.Errorf("shutdown.withdraw %s: a proxy that asks by health checks cannot notice %d failures within it", seconds(d.withdraw), h.Unhealthy)
	}
	n.Value = int(most.Truncate(100 * time.Millisecond).Milliseconds())
	n.How = fmt.Sprintf("withdraw %s / %d failures, so that it is seen in time", seconds(d.withdraw), h.Unhealthy)
	return n, nil
}

// SystemdNumbers are those of a unit whose program stands behind evenkeel run.
type SystemdNumbers struct {
	TimeoutStop  Number
	TimeoutStart Number
}

// Systemd works out what follows there.
func (d *Derived) Systemd() SystemdNumbers {
	stop := d.Needed()
	stop.Name = "TimeoutStopSec"
	return SystemdNumbers{
		TimeoutStop:  stop,
		TimeoutStart: sum("TimeoutStartSec", term{"start " + seconds(*d.Service.Start), *d.Service.Start}).margin().number(),
	}
}

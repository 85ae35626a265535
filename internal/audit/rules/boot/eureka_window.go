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

// eurekaWindow is how long callers go on calling an instance that has left.
type eurekaWindow struct{ cache, fetch, balancer time.Duration }

func (w eurekaWindow) sum() time.Duration { return w.cache + w.fetch + w.balancer }

func (w eurekaWindow) String() string {
	return fmt.Sprintf("response cache %s + registry fetch %s + load balancer cache %s = %s", value.Seconds(w.cache), value.Seconds(w.fetch),
		value.Seconds(w.balancer), value.Seconds(w.sum()))
}

const (
	fetchName = "eureka.client.registry-fetch-interval-seconds"
	ttlName   = "spring.cloud.loadbalancer.cache.ttl"
)

// windowOf adds up the longest times of the servers and of the clients among
// the files; without a server it has the defaults. It is not known where one
// time is not decided.
func windowOf(p *rule.Pass) (w eurekaWindow, known bool) {
	w.cache, known = 30*time.Second, true
	servers := 0
	for _, s := range p.Services {
		if s.App == nil {
			continue
		}
		for _, c := range s.App.Configs {
			if isServer(s, c) {
				d, ok := serverCache(c)
				if servers++; servers == 1 {
					w.cache = 0
				}
				w.cache, known = max(w.cache, d), known && ok
			} else if isClient(c) {
				fetch, ttl, ok := clientCaches(c)
				w.fetch, w.balancer, known = max(w.fetch, fetch), max(w.balancer, ttl), known && ok
			}
		}
	}
	return w, known
}

func isClient(c *spring.Settings) bool {
	return len(c.Below("eureka.client"))+len(c.Below("eureka.instance")) > 0
}

func serverCache(c *spring.Settings) (d time.Duration, known bool) {
	readOnly := c.Bool("eureka.server.use-read-only-response-cache", true)
	interval := c.Duration("eureka.server.response-cache-update-interval-ms", time.Millisecond, value.Of("", 30*time.Second))
	if readOnly.Known() && !readOnly.V {
		return 0, true
	}
	return interval.V, readOnly.Known() && interval.Known()
}

func clientCaches(c *spring.Settings) (fetch, balancer time.Duration, known bool) {
	every := c.Duration(fetchName, time.Second, value.Of("", 30*time.Second))
	ttl := c.Duration(ttlName, time.Second, value.Of("", 35*time.Second))
	on := c.Bool("spring.cloud.loadbalancer.cache.enabled", true)
	if on.Known() && !on.V {
		ttl = value.Of("", time.Duration(0))
	}
	return every.V, ttl.V, every.Known() && ttl.Known() && on.Known()
}

func checkEurekaWindow(p *rule.Pass) {
	w, known := windowOf(p)
	if !known {
		return
	}
	Each(p, func(s *model.Service, c *spring.Settings) *rule.Finding {
		wait := s.PreStop
		if s.Unit != nil {
			wait = s.Unit.Wait
		}
		if s.Needs.LameDuck && s.Needs.Withdraw.Stated {
			wait.V = max(wait.V, s.Needs.Withdraw.D)
		}
		if s.Workload == nil && s.Unit == nil || wait.State == value.Unknown || wait.V >= w.sum() || !registers(s, c) || gateway(c) != "" {
			return nil
		}
		f := &rule.Finding{Node: spring.First(c.Below("eureka.client")), Arithmetic: fmt.Sprintf("%s > %s", w, wait),
			Message: fmt.Sprintf("callers may choose %s for %s after it has left Eureka, but it serves on for %s", s, value.Seconds(w.sum()), value.Seconds(wait.V))}
		if f.Node == nil {
			f.Node = spring.First(c.Below("eureka.instance"))
		}
		if len(p.Spring) == 1 {
			f.Fix = fasterClient(c, w, wait.V)
		}
		return f
	})
}

// shortCache is what the clients' intervals are cut to.
const shortCache = 5 * time.Second

// fasterClient shortens the client's own intervals, if that is enough; nil if
// it is not.
func fasterClient(c *spring.Settings, w eurekaWindow, wait time.Duration) *rule.Change {
	title := "set " + fetchName + " to 5"
	every := c.Duration(fetchName, time.Second, value.Value[time.Duration]{})
	fetch := number(c, every, fetchName, "5")
	switch {
	case w.cache+shortCache+w.balancer <= wait:
		return rule.Mend(title, fetch)
	case w.cache+2*shortCache <= wait:
		return rule.Mend(title+", "+ttlName+" to 5s", fetch, number(c, c.Duration(ttlName, time.Second, value.Value[time.Duration]{}), ttlName, "5s"))
	}
	return nil
}

// number are the edits that set or add a property.
func number(c *spring.Settings, v value.Value[time.Duration], name, value string) []edit.Edit {
	made := add(c, name, value)
	if v.Written() {
		made = set(name, v, value)
	}
	if made == nil {
		return nil
	}
	return made.Edits
}

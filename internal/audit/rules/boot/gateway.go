package boot

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// gatewayPrefixes are where Spring Cloud Gateway on WebFlux is configured, the
// later name since 2025.0.
var gatewayPrefixes = []string{"spring.cloud.gateway", "spring.cloud.gateway.server.webflux"}

// gateway is where the gateway's settings stand, empty if it is none.
func gateway(c *spring.Settings) string {
	for _, prefix := range slices.Backward(gatewayPrefixes) {
		for _, part := range []string{".routes", ".httpclient", ".default-filters", ".discovery"} {
			if len(c.Below(prefix+part)) > 0 {
				return prefix
			}
		}
	}
	return ""
}

func checkPool(_ *model.Service, c *spring.Settings) *rule.Finding {
	prefix := gateway(c)
	if prefix == "" {
		return nil
	}
	pool := prefix + ".httpclient.pool"
	kind := c.Text(pool+".type", value.Of("", "ELASTIC"))
	if !kind.Known() || strings.EqualFold(kind.V, "DISABLED") {
		return nil
	}
	for _, p := range gatewayPrefixes {
		if idle := c.Duration(p+".httpclient.pool.max-idle-time", time.Millisecond, value.Value[time.Duration]{}); idle.State != value.Absent {
			return nil
		}
	}
	return &rule.Finding{Message: pool + ".max-idle-time is not set: connections that the services behind have closed stay in the pool",
		Fix: add(c, pool+".max-idle-time", "15s")}
}

func checkRetry(_ *model.Service, c *spring.Settings) *rule.Finding {
	prefix := gateway(c)
	if prefix == "" || !c.Whole() {
		return nil
	}
	filters := map[string]*tree.Node{}
	balanced := map[string]*tree.Node{}
	for name, n := range c.Below(prefix) {
		switch {
		case n.Unknown:
			return nil
		case strings.Contains(name, "filters"):
			filters[name] = n
		case strings.HasSuffix(name, "].uri") && strings.HasPrefix(n.Text(), "lb:"):
			balanced[name] = n
		}
	}
	for _, n := range filters {
		if strings.HasPrefix(n.Value, "Retry") || strings.HasPrefix(n.Value, "CircuitBreaker") {
			return nil
		}
	}
	first := spring.First(balanced)
	if first == nil {
		return nil
	}
	return &rule.Finding{Node: first, Message: "routes go to balanced services, and no Retry filter tries another instance when one is gone"}
}

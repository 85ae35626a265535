package kube

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// gatewayTime is a duration as the Gateway API has it (GEP-2257).
var gatewayTime = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// GatewayTime reads a duration of the Gateway API: 1h30m.
func GatewayTime(n *tree.Node, def value.Value[time.Duration]) value.Value[time.Duration] {
	return value.Read(n, def, func(s string) (time.Duration, bool) {
		d, err := time.ParseDuration(s)
		return d, err == nil && gatewayTime.MatchString(s)
	})
}

// GatewayDuration writes one, in whole seconds, rounded up.
func GatewayDuration(d time.Duration) string {
	s := int((d + time.Second - 1) / time.Second)
	var out strings.Builder
	for _, u := range []struct {
		seconds int
		name    string
	}{{3600, "h"}, {60, "m"}, {1, "s"}} {
		if s >= u.seconds {
			out.WriteString(strconv.Itoa(s/u.seconds) + u.name)
			s %= u.seconds
		}
	}
	if out.Len() == 0 {
		return "0s"
	}
	return out.String()
}

// At are the hosts of a route, of one without hosts its Gateways: two routes
// meet where they have one in common.
func (r *HTTPRoute) At() (all []string) {
	for _, h := range r.Hosts {
		if h != "" {
			all = append(all, h)
		}
	}
	if all == nil {
		for _, p := range r.Spec().Get("parentRefs").List() {
			all = append(all, r.Namespace+"/"+p.Get("namespace").Text()+"/"+p.Get("name").Text())
		}
	}
	return all
}

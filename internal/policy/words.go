package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Version is one of Kubernetes: 1.30.
type Version struct{ Major, Minor int }

// UnmarshalText reads MAJOR.MINOR, with or without a v before it.
func (v *Version) UnmarshalText(text []byte) error {
	var got Version
	if n, err := fmt.Sscanf(strings.TrimPrefix(string(text), "v")+"\n", "%d.%d\n", &got.Major, &got.Minor); n != 2 || err != nil || got.Major < 1 || got.Minor < 0 {
		return errors.New(`a version such as "1.30"`)
	}
	*v = got
	return nil
}

// String is MAJOR.MINOR; the zero value is empty.
func (v Version) String() string {
	if v == (Version{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// Before reports whether v is stated and older than w.
func (v Version) Before(w Version) bool {
	return v != (Version{}) && (v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor)
}

// AffinityMode is how a user is kept with an instance. Empty is none.
type AffinityMode string

// The modes.
const (
	AffinityNone      AffinityMode = "none"
	AffinityCookie    AffinityMode = "cookie"
	AffinityAppCookie AffinityMode = "app_cookie"
	AffinitySession   AffinityMode = "session"
	AffinityHeader    AffinityMode = "header"
	AffinityClientIP  AffinityMode = "client_ip"
)

// Allowed implements config.Enum.
func (*AffinityMode) Allowed() []string {
	return []string{"none", "cookie", "app_cookie", "session", "header", "client_ip"}
}

// UnmarshalText accepts the allowed words.
func (m *AffinityMode) UnmarshalText(text []byte) error {
	return word(m, m.Allowed(), text)
}

// Router is what sends requests to a service's instances.
type Router string

// The routers.
const (
	KubeProxy     Router = "kube-proxy"
	IngressNginx  Router = "ingress-nginx"
	AWSController Router = "aws-load-balancer-controller"
	GatewayAPI    Router = "gateway-api"
	ALB           Router = "alb"
	Eureka        Router = "eureka"
)

// Allowed implements config.Enum.
func (*Router) Allowed() []string {
	return []string{"kube-proxy", "ingress-nginx", "aws-load-balancer-controller", "gateway-api", "alb", "eureka"}
}

// UnmarshalText accepts the allowed words.
func (r *Router) UnmarshalText(text []byte) error { return word(r, r.Allowed(), text) }

func word[T ~string](to *T, allowed []string, text []byte) error {
	if !slices.Contains(allowed, string(text)) {
		return fmt.Errorf("no such word")
	}
	*to = T(text)
	return nil
}

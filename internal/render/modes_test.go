package render

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// modes are policies for every way to keep a user with an instance.
func modes() map[string]policy.Affinity {
	return map[string]policy.Affinity{
		"none": {Mode: policy.AffinityNone}, "cookie": {Mode: policy.AffinityCookie, Cookie: "lb"},
		"app_cookie": {Mode: policy.AffinityAppCookie, AppCookie: "SID"}, "session": {Mode: policy.AffinitySession},
		"header": {Mode: policy.AffinityHeader, Header: "X-Session-Id"}, "client_ip": {Mode: policy.AffinityClientIP},
	}
}

// What keeps users with an instance, by target and mode.
func TestAffinity(t *testing.T) {
	for _, c := range []struct{ target, file, mode, line string }{
		{"ingress-nginx", "ingress.yaml", "cookie", "session-cookie-name: lb\n"},
		{"ingress-nginx", "ingress.yaml", "app_cookie", "upstream-hash-by: $cookie_SID\n"},
		{"ingress-nginx", "ingress.yaml", "session", "upstream-hash-by: $cookie_own\n"},
		{"ingress-nginx", "ingress.yaml", "header", "upstream-hash-by: $http_x_session_id\n"},
		{"ingress-nginx", "ingress.yaml", "client_ip", "upstream-hash-by: $binary_remote_addr\n"},
		{"nginx", "nginx.conf", "none", "least_conn;"},
		{"nginx", "nginx.conf", "cookie", "hash $cookie_own consistent;"},
		{"nginx", "nginx.conf", "app_cookie", "hash $cookie_SID consistent;"},
		{"nginx", "nginx.conf", "header", "hash $http_x_session_id consistent;"},
		{"nginx", "nginx.conf", "client_ip", "hash $binary_remote_addr consistent;"},
		{"haproxy", "haproxy.cfg", "none", "balance leastconn"},
		{"haproxy", "haproxy.cfg", "cookie", "cookie lb insert indirect nocache"},
		{"haproxy", "haproxy.cfg", "session", "balance hash req.cook(own)"},
		{"haproxy", "haproxy.cfg", "header", "balance hdr(X-Session-Id)"},
		{"haproxy", "haproxy.cfg", "client_ip", "balance source"},
		{"terraform", "main.tf", "cookie", `"lb_cookie"`},
		{"terraform", "main.tf", "app_cookie", `cookie_name     = "SID"`},
		{"ecs", "ecs-target-group-attributes.json", "session", `"own"`},
		{"kubernetes", "kubernetes.yaml", "cookie", "stickiness.type=lb_cookie"},
		{"kubernetes", "kubernetes.yaml", "session", "stickiness.app_cookie.cookie_name=own"},
		{"kubernetes", "kubernetes.yaml", "cookie", "cookie: {name: lb}"},
	} {
		text := keeping(t, c.target, c.mode)[c.file]
		if !strings.Contains(text, c.line) {
			t.Errorf("%s, %s: no %q in\n%s", c.target, c.mode, c.line, text)
		}
		if c.mode != "none" && strings.Contains(keeping(t, c.target, "none")[c.file], c.line) {
			t.Errorf("%s: %q also without affinity", c.target, c.line)
		}
	}
}

// keeping renders with a mode of affinity.
func keeping(t *testing.T, target, mode string) map[string]string {
	t.Helper()
	p, s := service(func(_ *policy.Policy, s *policy.Service) {
		s.Session = policy.Session{Cookie: "own", Store: "external"}
		s.Affinity = modes()[mode]
		s.Routers = []policy.Router{policy.AWSController, policy.GatewayAPI}
	})
	return byName(t, target, p, s)
}

// The programs take every mode, and no rule warns.
func TestEveryModeIsTaken(t *testing.T) {
	haproxy, nginx := program(t, "haproxy", "haproxy"), program(t, "nginx", "nginx")
	for mode := range modes() {
		takes(t, "haproxy.cfg", keeping(t, "haproxy", mode)["haproxy.cfg"], haproxyCommand(haproxy))
		takes(t, "nginx.conf", keeping(t, "nginx", mode)["nginx.conf"], nginxCommand(nginx))
		for _, targets := range [][]string{{"kubernetes"}, {"terraform"}, {"ecs"}} {
			p, s := service(func(_ *policy.Policy, s *policy.Service) {
				s.Session = policy.Session{Cookie: "own", Store: "external"}
				s.Affinity = modes()[mode]
				s.Routers = []policy.Router{policy.AWSController, policy.GatewayAPI}
			})
			p.Path = "evenkeel.yaml"
			files, err := Render(targets, p, s)
			if err != nil {
				t.Fatal(err)
			}
			_, findings := found(t, p, files)
			for _, f := range findings {
				// Affinity beside a store outside is worth knowing, and was asked for.
				if f.Severity != rule.Info {
					t.Errorf("%s: %s: %s", mode, f.Rule.ID, f.Message)
				}
			}
		}
	}
}

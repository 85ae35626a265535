// Package render writes a policy as the files of a platform.
//
// # XX
//
// Guarantees: every number is one of package policy's, and a comment beside it
// says how it came about, or, where a format has no comments, a file beside it;
// no password of the store is written; what is rendered passes evenkeel check.
//
// Not guaranteed: that names which only the platform knows exist: images,
// networks, certificates, addresses.
package render

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/policy"
)

// File is one file, with a path of slashes.
type File struct {
	Name string
	Data []byte
}

// Target is one platform.
type Target struct {
	Name    string
	About   string
	router  policy.Router // that comes with it; empty: none of its own
	files   func(*view) ([]File, error)
	numbers func(*policy.Derived) ([]any, error) // see [Numbers]
}

// Targets lists them, as they are documented.
func Targets() []Target {
	return []Target{
		{"kubernetes", "Deployment, Service, autoscaler and disruption budget", policy.KubeProxy, kubernetes, kubernetesNumbers},
		{"ecs", "task definition, service, target group for the AWS CLI", policy.ALB, ecs, awsNumbers},
		{"terraform", "the same on AWS, with balancer and session store", policy.ALB, terraform, awsNumbers},
		{"ingress-nginx", "Ingress", policy.IngressNginx, ingressNginx, proxyNumbers},
		{"spring", "application-evenkeel.yml of Spring Boot, and of Eureka", "", spring, springNumbers},
		{"systemd", "unit with evenkeel run", "", systemd, systemdNumbers},
		{"nginx", "nginx.conf", "", nginx, proxyNumbers},
		{"haproxy", "haproxy.cfg", "", haproxy, haproxyNumbers},
	}
}

// Names lists the targets' names.
func Names() []string {
	var names []string
	for _, t := range Targets() {
		names = append(names, t.Name)
	}
	return names
}

func find(name string) (Target, error) {
	all := Targets()
	i := slices.IndexFunc(all, func(t Target) bool { return t.Name == name })
	if i < 0 {
		return Target{}, fmt.Errorf("no target %q, allowed: %s", name, strings.Join(Names(), ", "))
	}
	return all[i], nil
}

// A Service begins with a letter, a target group has 32 letters, a replication
// group 40, with "-sessions" at its end, and no two hyphens in a row.
const maxName = 31

var platformName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Render writes what the targets need for the service s of the policy p. If the
// policy names no routers they are those of the targets. The error prints the
// arithmetic if the policy does not fit a platform.
func Render(targets []string, p *policy.Policy, s *policy.Service) (all []File, err error) {
	d, err := derive(targets, p, s)
	if err != nil {
		return nil, err
	}
	for _, name := range targets {
		v := &view{Derived: d, Target: name}
		if !platformName.MatchString(v.Name()) || len(v.Name()) > maxName {
			return nil, fmt.Errorf("the service's name %q: platforms take 1 to %d letters, digits and single hyphens, a letter first", v.Name(), maxName)
		}
		t, err := find(name)
		if err != nil {
			return nil, err
		}
		files, err := t.files(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, files...)
	}
	return all, nil
}

// derive takes the routers that the targets bring with them, if the policy
// names none.
func derive(targets []string, p *policy.Policy, s *policy.Service) (*policy.Derived, error) {
	one := *s
	for _, name := range targets {
		t, err := find(name)
		if err != nil {
			return nil, err
		}
		if len(s.Routers) == 0 && t.router != "" && !slices.Contains(one.Routers, t.router) {
			one.Routers = append(one.Routers, t.router)
		}
	}
	return p.Derive(&one), nil
}

// Numbers are those that the files of target hold, each with its arithmetic, if
// it is rendered among targets.
func Numbers(target string, targets []string, p *policy.Policy, s *policy.Service) ([]policy.Number, error) {
	d, err := derive(targets, p, s)
	if err != nil {
		return nil, err
	}
	t, err := find(target)
	if err != nil {
		return nil, err
	}
	groups, err := t.numbers(d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", target, err)
	}
	all := []policy.Number{d.Withdraw}
	for _, g := range groups {
		all = append(all, policy.Numbers(g)...)
	}
	return all, nil
}

func kubernetesNumbers(d *policy.Derived) ([]any, error) {
	k, err := d.Kubernetes()
	if err != nil || !d.Behind(policy.AWSController) {
		return []any{k}, err
	}
	a, err := d.ALB()
	if err != nil {
		return nil, err
	}
	delay, err := d.Deregistration()
	return []any{k, a, policy.ECSNumbers{DeregistrationDelay: delay}}, err
}

func awsNumbers(d *policy.Derived) ([]any, error) {
	e, err := d.ECS()
	if err != nil {
		return nil, err
	}
	a, err := d.ALB()
	return []any{e, a}, err
}

func proxyNumbers(d *policy.Derived) ([]any, error) {
	p, err := d.Proxy()
	return []any{p}, err
}

func haproxyNumbers(d *policy.Derived) ([]any, error) {
	p, err := d.Proxy()
	if err != nil {
		return nil, err
	}
	check, err := d.Checks()
	return []any{p, struct{ Check policy.Number }{check}}, err
}

func springNumbers(d *policy.Derived) ([]any, error) {
	s, err := d.Spring()
	return []any{s}, err
}

func systemdNumbers(d *policy.Derived) ([]any, error) { return []any{d.Systemd()}, nil }

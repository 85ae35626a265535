package render

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// service is a policy with one service that change makes.
func service(change func(p *policy.Policy, s *policy.Service)) (*policy.Policy, *policy.Service) {
	p := &policy.Policy{Services: []policy.Service{{Name: "shop"}}}
	change(p, &p.Services[0])
	return p, &p.Services[0]
}

// What would not work on a platform is not rendered, and the error says why.
func TestRefuses(t *testing.T) {
	long := 200 * time.Second
	for _, c := range []struct {
		target string
		change func(p *policy.Policy, s *policy.Service)
		want   string
	}{
		{"ecs", func(_ *policy.Policy, s *policy.Service) { s.Shutdown.Requests = &long },
			"ecs: stopTimeout: max(requests 200 s, streams 30 s) + flush 5 s + margin 5 s = 210 s > Fargate's 120 s"},
		{"terraform", func(p *policy.Policy, _ *policy.Service) { p.Spot = true }, "lame_duck: true"},
		{"kubernetes", func(_ *policy.Policy, s *policy.Service) { s.Session.Store = "sqlite:/x.db" }, "belongs to one machine"},
		{"kubernetes", func(_ *policy.Policy, s *policy.Service) { s.Name = "my.shop" }, `the service's name "my.shop"`},
		{"nginx", func(_ *policy.Policy, s *policy.Service) { s.Name = strings.Repeat("a", 32) }, "1 to 31 letters"},
		{"kubernets", func(*policy.Policy, *policy.Service) {}, "allowed: kubernetes, ecs"},
	} {
		if files, err := Render([]string{c.target}, first(service(c.change)), second(service(c.change))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %d files, %v, want %s", c.target, len(files), err, c.want)
		}
	}
}

func first(p *policy.Policy, _ *policy.Service) *policy.Policy   { return p }
func second(_ *policy.Policy, s *policy.Service) *policy.Service { return s }

// Texts that a policy lets through stay texts in every language.
func TestStrangeTexts(t *testing.T) {
	for _, target := range Names() {
		p, s := service(func(_ *policy.Policy, s *policy.Service) {
			s.Name = "No" // YAML's false
			s.Session = policy.Session{Cookie: "a#b'c", Store: config.Secret("rediss://u:hunter2@h:1"), Prefix: `p"${x}%{y}: #`}
			s.Affinity = policy.Affinity{Mode: policy.AffinityAppCookie}
		})
		files, err := Render([]string{target}, p, s)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		for _, f := range files {
			if strings.Contains(string(f.Data), "hunter2") {
				t.Errorf("%s: the password is in %s", target, f.Name)
			}
			if strings.Contains(string(f.Data), "name: no\n") {
				t.Errorf("%s: the name is false:\n%s", target, f.Data)
			}
		}
	}
}

// Every number that --numbers shows stands in the files.
func TestNumbersAreThoseOfTheFiles(t *testing.T) {
	elsewhere := map[string]bool{"withdraw": true, "keep-alive of the program": true, "lame duck": true, "client keep-alive": true, "stop of the proxy": true, "idle connections to the program": true, "pool.max-idle-time": true, "affinity cookie": true}
	each(t, func(t *testing.T, name, target string) {
		p, s := load(t, name)
		numbers, err := Numbers(target, []string{target}, p, s)
		if err != nil || len(numbers) < 2 {
			t.Fatalf("%v, %v", numbers, err)
		}
		var all strings.Builder
		for _, text := range rendered(t, name, target) {
			all.WriteString(text)
		}
		for _, n := range numbers {
			if !elsewhere[n.Name] && !strings.Contains(all.String(), n.How) {
				t.Errorf("%s is not in the files", n)
			}
		}
	})
}

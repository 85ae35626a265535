package render

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// random is a policy that a person could write. Withdraw is not shorter than
// the routers need, for a rule would say so.
func random(rng *rand.Rand) (*policy.Policy, *policy.Service) {
	pick := func(all ...time.Duration) *time.Duration {
		if d := all[rng.IntN(len(all))]; d >= 0 {
			return &d
		}
		return nil
	}
	const unset, s = time.Duration(-1), time.Second
	one := policy.Service{Name: "shop"}
	one.Shutdown = policy.Shutdown{
		Withdraw: pick(unset, unset, 95*s, 120*s), Requests: pick(unset, s, 1500*time.Millisecond, 10*s, 90*s, 600*s),
		Streams: pick(unset, 0, 45*s, 300*s, 1700*s), Flush: pick(unset, 0, 300*time.Millisecond, 20*s), LameDuck: rng.IntN(3) == 0,
	}
	one.Session = policy.Session{IdleTimeout: pick(unset, 5*time.Minute, 30*time.Minute, 24*time.Hour), AbsoluteTimeout: pick(unset, 24*time.Hour),
		Store: []config.Secret{"external", "memory", "redis://h:6379", "valkey://h:6379", ""}[rng.IntN(5)], Cookie: []string{"", "SID", "__Host-session"}[rng.IntN(3)]}
	one.Health = policy.Health{Interval: time.Duration(5+rng.IntN(20)) * s, Healthy: 2 + rng.IntN(4), Unhealthy: 2 + rng.IntN(4)}
	one.Replicas = policy.Replicas{Min: 2 + rng.IntN(5), Max: 7 + rng.IntN(200)}
	one.Start = pick(unset, 0, 5*s, 300*s)
	one.Port = []uint16{0, 80, 9000, 65535}[rng.IntN(4)]
	all := []policy.Router{policy.KubeProxy, policy.IngressNginx, policy.AWSController, policy.GatewayAPI, policy.ALB}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	one.Routers = all[:rng.IntN(4)]
	if one.Session.Store == "memory" {
		one.Affinity.Mode = policy.AffinityCookie
	}
	p := &policy.Policy{Path: policy.FileName, Spot: rng.IntN(4) == 0, Services: []policy.Service{one},
		Kubernetes: policy.Kubernetes{MinVersion: []policy.Version{{}, {Major: 1, Minor: 28}, {Major: 1, Minor: 33}}[rng.IntN(3)]}}
	return p, &p.Services[0]
}

// Whatever the policy: it does not fit, with the sum, or no rule warns of what
// is rendered.
func TestRandomPolicies(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	rendered, refused := 0, 0
	for range 120 {
		p, s := random(rng)
		for _, targets := range [][]string{{"kubernetes"}, {"terraform"}, {"ecs"}, {"spring", "systemd"}} {
			files, err := Render(targets, p, s)
			var limit *policy.LimitError
			if err != nil {
				refused++
				if !errors.As(err, &limit) && (!p.Spot || s.Shutdown.LameDuck) {
					t.Errorf("%v of %+v: %v", targets, *s, err)
				}
				continue
			}
			rendered++
			_, findings := found(t, p, files)
			for _, f := range findings {
				if f.Severity != rule.Info {
					t.Errorf("%v of %+v %+v: %s: %s (%s)", targets, s.Settings, s.Budget(), f.Rule.ID, f.Message, f.Arithmetic)
				}
			}
		}
	}
	if rendered < 150 || refused < 20 {
		t.Errorf("%d rendered, %d refused: the test looks at too little", rendered, refused)
	}
}

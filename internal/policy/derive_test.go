package policy

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
)

// derive is what follows from a policy that is written here.
func derive(t *testing.T, text string) *Derived {
	t.Helper()
	var f File
	if err := config.Parse(FileName, []byte("version: 1\n"+text), &f); err != nil {
		t.Fatal(err)
	}
	p := f.policy(FileName)
	return p.Derive(&p.Services[0])
}

// The numbers of all policies, with their arithmetic, word for word.
func TestNumbers(t *testing.T) {
	var out strings.Builder
	for _, f := range files(t, "policies", 5) {
		p, err := Load(f)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Derive(&p.Services[0])
		fmt.Fprintf(&out, "%s\n  %s\n  %s\n", filepath.Base(f), d.Withdraw, d.Needed())
		for _, one := range []func() (any, error){
			func() (any, error) { return d.Kubernetes() },
			func() (any, error) { return d.ECS() },
			func() (any, error) { return d.ALB() },
			func() (any, error) { return d.Spring() },
			func() (any, error) { return d.Proxy() },
			func() (any, error) { return d.Systemd(), nil },
		} {
			n, err := one()
			fmt.Fprintf(&out, " %T\n", n)
			if err != nil {
				fmt.Fprintf(&out, "  error: %v\n", err)
				continue
			}
			for _, n := range Numbers(n) {
				fmt.Fprintf(&out, "  %s\n", n)
			}
		}
	}
	golden(t, "testdata/numbers.txt", out.String())
}

// Worked out by hand from the budget model.
func TestNumbersByHand(t *testing.T) {
	d := derive(t, `
session: {store: memory, idle_timeout: 20m, absolute_timeout: 8h}
shutdown: {requests: 30s, streams: 60s, flush: 5s}
routers: [kube-proxy, ingress-nginx]
health: {interval: 4s, healthy: 3, unhealthy: 2}
start: 20s
replicas: {min: 2, max: 9}
`)
	k, err := d.Kubernetes()
	if err != nil {
		t.Fatal(err)
	}
	// 8 + 60 + 5 = 73, margin 5; 4*3 + 8; max(60, 78); 3 rounds of 3: 3*(20+20) + 78 + 5 = 203.
	if k.PreStop.Value != 8 || k.Grace.Value != 78 || k.MinReady.Value != 20 || k.ScaleDownPeriod.Value != 78 || k.ProgressDeadline.Value != 600 {
		t.Errorf("Kubernetes %+v", k)
	}
	if want := "withdraw 8 s + max(requests 30 s, streams 60 s) + flush 5 s + margin 5 s = 78 s"; k.Grace.How != want {
		t.Errorf("got %q, want %q", k.Grace.How, want)
	}
	if !strings.HasPrefix(k.ProgressDeadline.How, "3 rounds * (start 20 s + minReadySeconds 20 s) + grace 78 s + margin 5 s = 203 s") {
		t.Errorf("got %q", k.ProgressDeadline.How)
	}
	d.Service.Health.Interval = 5 * time.Second
	e, err := d.ECS()
	if err != nil {
		t.Fatal(err)
	}
	// 60 + 5; 65 + 5; their sum; 20 + 15 + 3.5.
	if e.DeregistrationDelay.Value != 65 || e.StopTimeout.Value != 70 || e.ScaleInCooldown.Value != 135 || e.HealthCheckGrace.Value != 39 || e.LameDuck.Name != "" {
		t.Errorf("ECS %+v", e)
	}
	if want := "start 20 s + health interval 5 s * 3 + margin 3.5 s = 38.5 s, rounded up"; e.HealthCheckGrace.How != want {
		t.Errorf("got %q, want %q", e.HealthCheckGrace.How, want)
	}
	a, err := d.ALB()
	if err != nil || a.IdleTimeout.Value != 60 || a.KeepAlive.Value != 75 || a.Stickiness.Value != 8*3600 {
		t.Errorf("ALB %+v, %v", a, err)
	}
	s, err := d.Spring()
	if err != nil || s.Phase.Value != 65 || s.PoolIdle.Value != 70 || s.Fetch.Name != "" {
		t.Errorf("Spring %+v, %v", s, err)
	}
	if y := d.Systemd(); y.TimeoutStop.Value != 78 || y.TimeoutStart.Value != 22 {
		t.Errorf("systemd %+v", y)
	}
}

func TestWithdraw(t *testing.T) {
	for text, want := range map[string]int{
		"": 5, "routers: [ingress-nginx]": 8, "routers: [kube-proxy, aws-load-balancer-controller, ingress-nginx]": 20,
		"routers: [eureka]": 95, "routers: [gateway-api]": 5, "routers: [alb]": 10,
		"routers: [alb]\nhealth: {interval: 6s, unhealthy: 3}": 18,
		"routers: [eureka]\nshutdown: {withdraw: 15s}":         15, "shutdown: {withdraw: 0s}": 0, "shutdown: {withdraw: 1500ms}": 2,
	} {
		if d := derive(t, text); d.Withdraw.Value != want {
			t.Errorf("%q: %+v, want %d", text, d.Withdraw, want)
		}
	}
}

// A program that serves on by itself needs no hook, but the time.
func TestLameDuck(t *testing.T) {
	d := derive(t, "shutdown: {withdraw: 10s, requests: 20s, streams: 0s, flush: 0s, lame_duck: true}")
	k, err := d.Kubernetes()
	if err != nil || k.PreStop.Name != "" || k.Grace.Value != 33 {
		t.Errorf("Kubernetes %+v, %v", k, err)
	}
	if e, err := d.ECS(); err != nil || e.StopTimeout.Value != 33 {
		t.Errorf("ECS %+v, %v", e, err)
	}
}

// Each limit: the last policy that fits, and the first that does not.
func TestLimits(t *testing.T) {
	ecs := func(d *Derived) error { _, err := d.ECS(); return err }
	kube := func(d *Derived) error { _, err := d.Kubernetes(); return err }
	alb := func(d *Derived) error { _, err := d.ALB(); return err }
	spring := func(d *Derived) error { _, err := d.Spring(); return err }
	const none = "streams: 0s, flush: 0s"
	for _, c := range []struct {
		name         string
		of           func(*Derived) error
		fits, beyond string
		says         string
	}{
		{"stopTimeout", ecs, "shutdown: {requests: 115s, " + none + "}", "shutdown: {requests: 116s, " + none + "}",
			"stopTimeout: max(requests 116 s, streams 0 s) + flush 0 s + margin 5 s = 121 s > Fargate's 120 s"},
		{"Spot's notice", ecs, "spot: true\nshutdown: {withdraw: 65s, requests: 40s, " + none + ", lame_duck: true}", "spot: true\nshutdown: {withdraw: 66s, requests: 40s, " + none + ", lame_duck: true}",
			"lame duck and what must finish: health interval 5 s * 2 failures + withdraw 66 s + max(requests 40 s, streams 0 s) + flush 0 s = 116 s > Fargate Spot's notice less 5 s, 115 s"},
		{"Spot's delay", ecs, "spot: true\nshutdown: {withdraw: 5s, requests: 55s, " + none + ", lame_duck: true}", "spot: true\nshutdown: {withdraw: 5s, requests: 56s, " + none + ", lame_duck: true}",
			"deregistration_delay and what must finish: deregistration_delay 61 s + max(requests 56 s, streams 0 s) + flush 0 s + margin 5 s = 122 s > Fargate Spot's notice 120 s"},
		{"Spot needs a lame duck", ecs, "spot: true\nshutdown: {requests: 10s, " + none + ", lame_duck: true}", "spot: true\nshutdown: {requests: 10s, " + none + "}",
			"spot: true needs shutdown.lame_duck: true"},
		{"an ALB's interval", ecs, "health: {interval: 5s}", "health: {interval: 4s}", "health.interval 4 s: an ALB asks every 5 s to 300 s"},
		{"the scaling period", kube, "shutdown: {withdraw: 0s, requests: 1795s, " + none + "}", "shutdown: {withdraw: 0s, requests: 1796s, " + none + "}",
			"scaleDown.policies.periodSeconds: grace 1801 s > the API's 1800 s"},
		{"Spot on Kubernetes", kube, "spot: true\nshutdown: {withdraw: 5s, requests: 110s, " + none + "}", "spot: true\nshutdown: {withdraw: 5s, requests: 111s, " + none + "}",
			"terminationGracePeriodSeconds: withdraw 5 s + max(requests 111 s, streams 0 s) + flush 0 s + margin 5 s = 121 s > a Spot instance's notice 120 s"},
		{"an ALB's idle timeout", alb, "shutdown: {requests: 3995s}", "shutdown: {requests: 3996s}", "idle_timeout: requests 3996 s + margin 5 s = 4001 s > an ALB's 4000 s"},
		{"keep-alive", alb, "keep_alive: 61s", "keep_alive: 60s", "requests 30 s + margin 3 s = 33 s, at least 60 s, the balancer's own > keep_alive 60 s"},
		{"Eureka's caches", spring, "routers: [eureka]\nshutdown: {withdraw: 13s}", "routers: [eureka]\nshutdown: {withdraw: 12s}",
			"Eureka's caches: server 3 s + registry fetch 5 s + load balancer 5 s = 13 s > withdraw 12 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.of(derive(t, c.fits)); err != nil {
				t.Errorf("%s: %v", c.fits, err)
			}
			err := c.of(derive(t, c.beyond))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v, want %s", c.beyond, err, c.says)
			}
		})
	}
	var limit *LimitError
	if err := ecs(derive(t, "shutdown: {requests: 116s}")); !errors.As(err, &limit) || limit.Setting != "stopTimeout" {
		t.Errorf("got %#v", err)
	}
}

func TestChecks(t *testing.T) {
	for text, want := range map[string]int{"": 2500, "shutdown: {withdraw: 10s}": 5000, "shutdown: {withdraw: 1s}": 500, "health: {unhealthy: 3}": 1600} {
		if n, err := derive(t, text).Checks(); err != nil || n.Value != want {
			t.Errorf("%q: %+v, %v, want %d ms", text, n, err, want)
		}
	}
	if _, err := derive(t, "shutdown: {withdraw: 0s}").Checks(); err == nil {
		t.Error("no time to notice was taken")
	}
}

func TestKeepAliveOfNone(t *testing.T) {
	d := derive(t, "keep_alive: 0s")
	p, err := d.Proxy()
	if err != nil || p.PoolIdle.Name != "" || p.TargetKeepAlive.Value != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestNothingIsStated(t *testing.T) {
	d := (&Policy{}).Derive(nil)
	if k, err := d.Kubernetes(); err != nil || k.Grace.Value != 44 {
		t.Errorf("got %+v, %v", k, err)
	}
}

func TestFirstIsRead(t *testing.T) {
	for _, a := range []Answers{
		{Service: "shop", Store: "memory", Requests: time.Minute, Routers: []Router{KubeProxy}},
		{Service: "true", Store: "external", Requests: 90 * time.Second, Streams: time.Hour, Routers: []Router{Eureka, IngressNginx}},
		{Service: "1", Store: "redis://redis:6379/0", Routers: []Router{ALB}},
		{Service: "shop", Store: "${SESSION_STORE_URL}", Routers: []Router{ALB}},
	} {
		text, err := First(a)
		if err != nil {
			t.Errorf("%+v: %v", a, err)
			continue
		}
		var f File
		if err := config.Parse(FileName, []byte(strings.ReplaceAll(string(text), "${SESSION_STORE_URL}", "redis://h")), &f); err != nil {
			t.Errorf("%+v: %v\n%s", a, err, text)
		}
		if f.Service != a.Service || *f.Shutdown.Requests != a.Requests || *f.Shutdown.Streams != a.Streams || len(f.Routers) != len(a.Routers) {
			t.Errorf("%+v became %+v", a, f)
		}
	}
	for _, a := range []Answers{{Service: "a b", Store: "memory"}, {Service: "a", Store: "mysql://h"}, {Service: "a", Store: "memory", Requests: -1}, {Service: "a\nb", Store: "memory"}} {
		if text, err := First(a); err == nil {
			t.Errorf("%+v was taken:\n%s", a, text)
		}
	}
}

package actuate

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// gate is a real gateway with two targets, and its admin address.
func gate(t *testing.T, source string) (gw *gateway.Gateway, admin string) {
	t.Helper()
	var lc net.ListenConfig
	traffic, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	adminL, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var targets []target.Target
	for _, id := range []string{"a", "b"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, id) }))
		t.Cleanup(srv.Close)
		targets = append(targets, target.Target{ID: id, Address: srv.Listener.Addr().String(), Weight: 1, Source: source})
	}
	group := gateway.GroupOptions{Name: "shop", Routes: []string{"/"}, Health: health.Options{Path: "/", Interval: 100 * time.Millisecond, Timeout: time.Second}}
	if source == "" {
		group.Targets = targets
	}
	gw, err = gateway.New(gateway.Options{
		Groups:  []gateway.GroupOptions{group},
		Traffic: gateway.TrafficOptions{Listener: traffic}, Admin: gateway.AdminOptions{Listener: adminL},
		Log: slog.New(slog.DiscardHandler), ShutdownTimeout: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- gw.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if source != "" {
		for _, one := range targets {
			if err := gw.Register("shop", one); err != nil {
				t.Fatal(err)
			}
		}
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if healthy(t, gw) == 2 {
			return gw, adminL.Addr().String()
		}
		if time.Now().After(deadline) {
			t.Fatal("the targets do not become healthy")
		}
	}
}

func healthy(t *testing.T, gw *gateway.Gateway) (n int) {
	t.Helper()
	all, err := gw.Targets("shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.State == target.Healthy {
			n++
		}
	}
	return n
}

// A target of the API is deregistered, one of the file only drained; both are
// back afterwards.
func TestGateway(t *testing.T) {
	for _, source := range []string{gateway.SourceAPI, ""} {
		gw, admin := gate(t, source)
		for _, which := range []string{"a", "random"} {
			event := plan.Event{Gateway: &plan.Gateway{Admin: admin, Group: "shop", Target: which}}
			if err := Check(t.Context(), event, Env{}); err != nil {
				t.Fatal(err)
			}
			e, err := happen(t, event, Env{})
			if err != nil {
				t.Fatalf("source %q, target %s: %v", source, which, err)
			}
			wantPhases(t, e, true, true)
			if e.Target != "a" && e.Target != "b" || which == "a" && e.Target != "a" {
				t.Errorf("target %q", e.Target)
			}
			if n := healthy(t, gw); n != 2 {
				t.Errorf("%d healthy targets afterwards", n)
			}
		}
	}
}

func TestGatewayThatFails(t *testing.T) {
	_, admin := gate(t, "")
	for want, g := range map[string]plan.Gateway{
		"has no target none": {Admin: admin, Group: "shop", Target: "none"},
		"404 Not Found":      {Admin: admin, Group: "none", Target: "a"},
		"connection refused": {Admin: "http://127.0.0.1:1", Group: "shop", Target: "a", Token: config.Secret("hidden-token")},
		"allowed: HOST:PORT": {Admin: "ftp://x", Group: "shop", Target: "a"},
		"must hold no user":  {Admin: "http://me:hidden-token@x", Group: "shop", Target: "a"},
	} {
		err := Check(t.Context(), plan.Event{Gateway: &g}, Env{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden-token") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

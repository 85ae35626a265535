package platform

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host/hosttest"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Goroutines(m)) }

func TestDetect(t *testing.T) {
	kube := map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
	tests := []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"control: nothing", nil, nil},
		{"kubernetes", kube, []string{"kubernetes"}},
		{"ecs", map[string]string{"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x", "ECS_AGENT_URI": "http://169.254.170.2/api/x"}, []string{"ecs"}},
		{"agent alone is not ecs", map[string]string{"ECS_AGENT_URI": "http://169.254.170.2/api/x"}, nil},
		{"systemd", map[string]string{"NOTIFY_SOCKET": "/run/systemd/notify", "INVOCATION_ID": "1"}, []string{"systemd"}},
		{"a unit that is not asked to notify", map[string]string{"INVOCATION_ID": "1"}, []string{"systemd"}},
		{"ec2", map[string]string{"EVENKEEL_EC2": "true"}, []string{"ec2"}},
		{"ec2 off", map[string]string{"EVENKEEL_EC2": "0"}, nil},
		{"ec2 nonsense", map[string]string{"EVENKEEL_EC2": "yes please"}, nil},
		{"ec2 and systemd", map[string]string{"EVENKEEL_EC2": "1", "INVOCATION_ID": "1"}, []string{"systemd", "ec2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, h := range Detect(func(k string) string { return tt.env[k] }, slog.New(slog.DiscardHandler)) {
				got = append(got, h.Name())
				if _, ok := h.(Noticer); ok != (h.Name() == "ec2") {
					t.Errorf("%s is a Noticer: %t", h.Name(), ok)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Without anything asked for, Run of each host does nothing but end.
func TestNothingIsDoneUnasked(t *testing.T) {
	env := map[string]string{
		"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1",
		"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:1", "ECS_AGENT_URI": "http://127.0.0.1:1",
		"INVOCATION_ID": "1", "EVENKEEL_EC2": "1", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
	}
	var log hosttest.Log
	hosts := Detect(func(k string) string { return env[k] }, log.Logger())
	if len(hosts) != 4 {
		t.Fatalf("got %d hosts, want 4", len(hosts))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan string, len(hosts))
	for _, h := range hosts {
		go func() {
			h.Run(ctx, func() Load { return Load{Requests: 7} })
			done <- h.Name()
		}()
	}
	cancel()
	for range hosts {
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Fatal("Run has not returned")
		}
	}
	if log.String() != "" {
		t.Errorf("it has said something: %s", log.String())
	}
}

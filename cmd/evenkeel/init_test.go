package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/policy"
)

// answered lets a person answer the questions that the flags leave.
func answered(t *testing.T, ctx context.Context, flags initFlags, answers string) (policy.Answers, string, error) { //nolint:revive // t first, as in all tests
	t.Helper()
	var said strings.Builder
	lines := make(chan string, 20)
	for line := range strings.Lines(answers) {
		lines <- line
	}
	close(lines)
	a, err := flags.answers(ctx, person{lines: lines, out: &said})
	return a, said.String(), err
}

func TestInitAsks(t *testing.T) {
	a, said, err := answered(t, t.Context(), initFlags{service: "shop"}, "redis\nredis://h:6379\n45\n45s\n\nnginx\ningress-nginx kube-proxy\n")
	if err != nil {
		t.Fatal(err)
	}
	if a.Store != "redis://h:6379" || a.Requests != 45*time.Second || a.Streams != 0 || len(a.Routers) != 2 || a.Routers[0] != policy.IngressNginx {
		t.Errorf("got %+v", a)
	}
	for _, want := range []string{"Where do the sessions live?", `found "redis", allowed: memory`, "longest request take? [30s]", `found "45", allowed: a duration`, "[0s]", `found "nginx", allowed: kube-proxy`} {
		if !strings.Contains(said, want) {
			t.Errorf("it did not say %q:\n%s", want, said)
		}
	}
}

// What a flag says is not asked.
func TestInitAsksOnlyWhatIsMissing(t *testing.T) {
	a, said, err := answered(t, t.Context(), initFlags{service: "shop", store: "memory", streams: "1m", routers: []string{"alb"}}, "\n")
	if err != nil || a.Requests != 30*time.Second || a.Streams != time.Minute || strings.Count(said, "> ") != 1 {
		t.Errorf("got %+v, %v, said %s", a, err, said)
	}
}

func TestInitWithoutAnAnswer(t *testing.T) {
	if _, _, err := answered(t, t.Context(), initFlags{}, "memory\n"); err == nil || !strings.Contains(err.Error(), "--requests gives it") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	flags := initFlags{}
	if _, err := flags.answers(ctx, person{lines: make(chan string), out: new(strings.Builder)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

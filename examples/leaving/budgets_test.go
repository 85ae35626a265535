package main

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// The budgets that the guide works through. All let a request take 20 s, a
// stream 30 s and the hooks 5 s.
var (
	// SIGTERM comes in the same moment in which the pod is taken out of the
	// Service; kube-proxy needs some seconds to follow.
	pod = drain.Budget{Withdraw: 5 * time.Second, Requests: 20 * time.Second, Streams: 30 * time.Second, Flush: 5 * time.Second}
	// A preStop sleep has waited already.
	podAfterSleep = drain.Budget{Withdraw: drain.None, Requests: 20 * time.Second, Streams: 30 * time.Second, Flush: 5 * time.Second}
	// The balancer has sent nothing for the whole deregistration delay.
	task = drain.Budget{Withdraw: drain.None, Requests: 20 * time.Second, Streams: 30 * time.Second, Flush: 5 * time.Second}
	// SIGTERM comes first; the balancer finds out by its health check.
	spotTask = drain.Budget{Withdraw: 15 * time.Second, Requests: 20 * time.Second, Streams: 30 * time.Second, Flush: 5 * time.Second}
)

func Example_budgets() {
	for _, p := range []struct {
		platform string
		budget   drain.Budget
		grace    time.Duration
	}{
		{"Kubernetes", pod, 45 * time.Second},
		{"Kubernetes, preStop sleep of 5 s", podAfterSleep, 45*time.Second - 5*time.Second},
		{"ECS, service behind an ALB", task, 40 * time.Second},
		{"ECS, Fargate Spot", spotTask, 55 * time.Second},
	} {
		fit, err := p.budget.Fit(p.grace)
		fmt.Println(p.platform, p.grace, err)
		fmt.Println(fit)
	}
	_, err := pod.Fit(30 * time.Second)
	fmt.Println(err)
	// Output:
	// Kubernetes 45s <nil>
	// withdraw 5s + max(requests 20s, streams 30s) + flush 5s + margin 4s = 44s
	// Kubernetes, preStop sleep of 5 s 40s <nil>
	// withdraw 0s + max(requests 20s, streams 30s) + flush 5s + margin 3.5s = 38.5s
	// ECS, service behind an ALB 40s <nil>
	// withdraw 0s + max(requests 20s, streams 30s) + flush 5s + margin 3.5s = 38.5s
	// ECS, Fargate Spot 55s <nil>
	// withdraw 15s + max(requests 20s, streams 30s) + flush 5s + margin 5s = 55s
	// the budget does not fit the grace period: withdraw 5s + max(requests 20s, streams 30s) + flush 5s + margin 4s = 44s > grace 30s
}

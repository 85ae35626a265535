package policy_test

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/policy"
)

func ExamplePolicy_Derive() {
	streams := time.Minute
	shop := policy.Service{Name: "shop"}
	shop.Routers = []policy.Router{policy.IngressNginx}
	shop.Shutdown.Streams = &streams
	k, err := new(policy.Policy).Derive(&shop).Kubernetes()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(k.PreStop)
	fmt.Println(k.Grace)
	// Output:
	// preStop.sleep.seconds 8: ingress-nginx 8 s
	// terminationGracePeriodSeconds 78: withdraw 8 s + max(requests 30 s, streams 60 s) + flush 5 s + margin 5 s = 78 s
}

package render_test

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/policy"
	"github.com/evenkeel/evenkeel/internal/render"
)

func ExampleRender() {
	requests := 150 * time.Second
	shop := policy.Service{Name: "shop"}
	files, err := render.Render([]string{"kubernetes", "systemd"}, &policy.Policy{}, &shop)
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range files {
		fmt.Println(f.Name)
	}
	shop.Shutdown.Requests = &requests
	_, err = render.Render([]string{"ecs"}, &policy.Policy{}, &shop)
	fmt.Println(err)
	// Output:
	// kubernetes.yaml
	// shop.service
	// ecs: stopTimeout: max(requests 150 s, streams 30 s) + flush 5 s + margin 5 s = 160 s > Fargate's 120 s; take less for requests and streams, or run on EC2
}

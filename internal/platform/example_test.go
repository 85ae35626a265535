package platform_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/evenkeel/evenkeel/internal/platform"
)

func ExampleDetect() {
	env := map[string]string{"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x", "EVENKEEL_GRACE": "60"}
	for _, h := range platform.Detect(func(name string) string { return env[name] }, slog.Default()) {
		d, from, err := h.Grace(context.Background())
		fmt.Println(h.Name(), d, from, err)
	}
	// Output: ecs 1m0s EVENKEEL_GRACE <nil>
}

package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/target"
)

// A gateway as a handler, without listeners of its own: a target is drained
// and another takes over.
func Example() {
	instance := func(name string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
	}
	a, b := instance("a"), instance("b")
	defer a.Close()
	defer b.Close()

	gw, err := gateway.New(gateway.Options{
		Log:    slog.New(slog.DiscardHandler),
		Groups: []gateway.GroupOptions{{Name: "shop", Routes: []string{"/"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	front := httptest.NewServer(gw)
	defer front.Close()
	get := func() {
		resp, err := http.Get(front.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		fmt.Println(string(body), err)
	}

	ctx := context.Background()
	if err := gw.Register("shop", target.Target{ID: "a", Address: a.Listener.Addr().String()}); err != nil {
		fmt.Println(err)
	}
	get()
	if err := gw.Register("shop", target.Target{ID: "b", Address: b.Listener.Addr().String()}); err != nil {
		fmt.Println(err)
	}
	result, err := gw.Drain(ctx, "shop", "a")
	fmt.Println(result.Empty, err)
	get()
	// Output:
	// a <nil>
	// true <nil>
	// b <nil>
}

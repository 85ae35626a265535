package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/evenkeel/evenkeel/internal/upstream"
)

func ExamplePool() {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s has %s\n", r.Host, r.RequestURI)
	}))
	pool := upstream.NewPool(shop.Listener.Addr().String(), upstream.Options{})
	defer pool.Close()

	request := &upstream.Request{Method: "GET", Target: "/cart", Host: "shop.example"}
	resp, err := pool.Do(context.Background(), request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		fmt.Println(err)
	}

	pool.CloseIdle()
	shop.Close()
	_, err = pool.Do(context.Background(), request)
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		fmt.Println("may go to another target:", e.Unreceived && e.Replays)
	}
	// Output:
	// shop.example has /cart
	// may go to another target: true
}

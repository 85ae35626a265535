package ui_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/evenkeel/evenkeel/internal/ui"
)

// quiet is a demo in which nothing happens.
type quiet struct{}

func (quiet) State() ui.State          { return ui.State{Verdict: "so far nothing was lost", Good: true} }
func (quiet) Do(string) (int, error)   { return 0, ui.ErrUnknown }
func (quiet) Switch(name string) error { return ui.ErrUnknown }

func ExampleNew() {
	page := ui.New(quiet{}, http.NotFoundHandler(), ui.Options{})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- page.Run(ctx) }()
	server := httptest.NewServer(page.Handler())
	defer server.Close()

	answer, err := http.Get(server.URL + "/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		fmt.Println(err)
	}
	fmt.Println(answer.Status, answer.Header.Get("Content-Type"))
	stop()
	fmt.Println(<-ended)
	// Output:
	// 200 OK text/html; charset=utf-8
	// <nil>
}
